//! Every row of the fault catalogue from F01 to F67 with the tests that prove it, or why it does not apply to us. Ids that the
//! catalogue does not use are left out: F09, F19, F38, F39, F56 to F59.
//!
//! The rules G1 to G8 hold for all of them: end to end in `tests/rig/rules.rs`, at the shipped periods in virtual time in
//! `every_fault_keeps_the_rules_and_ends_in_the_servers_truth` and
//! `the_busiest_faults_keep_the_rules_for_an_hour_and_end_in_the_servers_truth`.
//!
//! * F01: `f01_a_refused_connection_is_named_and_the_watches_go_on_from_their_version`
//! * F02: `f02_a_name_that_does_not_resolve_is_named`;
//!   `f02_a_resolver_that_never_answers_ends_at_the_connect_deadline`; a key works and `q` leaves while the server
//!   hangs: `pty_server_frozen_from_the_start_shows_unknown_numbers_and_q_leaves`
//! * F03: `f03_packets_that_vanish_are_a_connect_timeout_that_names_a_filter`;
//!   `pty_f03_keys_are_answered_and_q_leaves_while_packets_vanish`
//! * F04: `f04_a_tls_handshake_that_stalls_ends_at_the_connect_deadline_and_is_named`;
//!   `pty_f04_keys_are_answered_and_q_leaves_while_connections_are_accepted_and_not_read`
//! * F05: `f05_a_certificate_that_proves_nothing_is_named_and_not_asked_for_again_quickly`;
//!   `f05_a_server_that_wants_a_client_certificate_is_named_and_not_asked_again_quickly`
//! * F06: `f06_after_a_timeout_no_idle_connection_is_used_again`;
//!   `f06_connections_that_a_load_balancer_forgets_in_mid_watch_are_noticed_within_the_silence_deadline`
//! * F07: `f07_a_proxy_that_refuses_is_blamed_without_its_password`
//! * F08: `f08_a_dead_first_address_leaves_time_for_the_second`
//! * F10: `f10_slow_headers_raise_the_alert_while_the_call_still_runs`;
//!   `pty_f10_keys_are_answered_and_q_leaves_while_no_request_is_answered`
//! * F11: `f11_a_body_that_moves_slowly_but_steadily_is_not_cut_before_the_cap`; `f11_a_trickle_is_cut`
//! * F12: `f12_a_body_that_stalls_mid_page_is_asked_for_again_in_place_with_half_the_limit`;
//!   `pty_f12_keys_are_answered_and_q_leaves_while_a_body_stands_still`;
//!   `pty_a_page_that_stalls_in_mid_body_is_read_in_smaller_pages_and_the_screen_says_so`
//! * F13: `f13_a_truncated_body_is_a_failure_and_not_the_end_of_the_list`
//! * F14: `f14_a_server_that_kills_its_large_answers_gets_asked_for_smaller_ones`
//! * F15: `f15_a_page_that_trickles_steadily_is_not_cut_by_any_timeout_of_ours`;
//!   `f15_the_probe_does_not_queue_behind_a_page_that_trickles`;
//!   `pty_a_page_that_trickles_shows_its_bytes_and_their_rate_and_comes_without_a_timeout`;
//!   `snapshot_of_a_server_whose_page_trickles_is_complete_without_a_timeout`
//! * F16: `f16_a_page_that_is_too_large_is_given_up_and_asked_for_in_halves`
//! * F17: `f17_a_corrupt_gzip_body_is_a_named_failure_and_never_a_short_list`;
//!   `f17_a_list_in_many_gzip_members_is_read_whole`; `a_gzip_bomb_ends_at_the_cap_of_decoded_bytes`,
//!   `every_cut_and_every_flipped_byte_is_an_error_and_never_a_short_body`
//! * F18: `f18_tls_closed_without_a_goodbye_ends_a_watch_and_cuts_a_list`
//! * F20: `f20_rejected_credentials_are_asked_for_once_more_and_then_politely`
//! * F21: `f21_forbidden_pods_are_unknown_and_the_nodes_stay`
//! * F22: `f22_where_watching_is_forbidden_the_list_is_polled_and_says_so`
//! * F23: `f23_two_namespaces_are_watched_where_all_pods_are_forbidden_and_follow_every_change`;
//!   `f23_a_namespace_without_the_right_is_named_and_the_other_is_read`;
//!   `f23_a_server_that_goes_and_comes_back_is_the_truth_again_in_every_namespace`;
//!   `f23_snapshot_of_a_namespace_is_partial_and_says_so_and_of_a_forbidden_cluster_it_says_what_to_do`;
//!   `f23_check_offers_a_namespace_and_looks_at_the_rights_in_it`;
//!   `f23_after_any_sequence_the_pods_of_two_namespaces_are_the_servers_truth_one_by_one`;
//!   `f23_no_sick_server_is_asked_more_than_once_a_second_for_32_namespaces`;
//!   `f23_the_end_of_one_namespaces_list_sweeps_nothing_of_another`;
//!   `f23_numbers_of_some_namespaces_are_lower_bounds_of_the_cluster`;
//!   `f23_only_what_some_namespaces_prove_raises_the_alert_of_density`;
//!   `f23_the_strip_the_table_and_the_footer_say_that_pods_are_of_some_namespaces`;
//!   `f23_the_gpu_view_promises_no_device_that_others_may_hold`;
//!   `f21_f23_where_all_pods_are_forbidden_the_alert_says_how_to_watch_a_namespace`
//! * F24: `f24_an_absent_api_hides_the_columns_and_nothing_else`;
//!   `f24_an_absent_metrics_api_is_looked_for_every_5_min_without_a_word`;
//!   `f24_an_api_that_is_installed_later_is_found_by_a_refresh`;
//!   `f24_without_a_metrics_api_usage_is_null_with_a_reason`
//! * F25: `f25_a_broken_api_ages_the_figures_and_leaves_the_cluster_healthy`;
//!   `f25_a_broken_metrics_api_is_no_failure_of_the_cluster_and_no_storm`;
//!   `f25_a_broken_metrics_api_leaves_everything_else_as_it_is`
//! * F26: `f26_a_node_without_figures_is_unknown_and_never_zero`
//! * F27: `f27_a_throttling_server_is_obeyed_and_named`
//! * F28: `f28_a_server_that_shuts_down_is_left_for_another_connection`
//! * F29: `f29_a_shutting_down_server_that_says_503_is_obeyed`
//! * F30: `f30_a_cache_that_warms_up_is_a_server_that_throttles`
//! * F31: `f31_a_server_timeout_is_told_from_ours_and_names_its_audit_id`
//! * F32: `f32_etcd_trouble_is_called_so`
//! * F33: `f33_errors_of_a_load_balancer_are_one_line_that_names_it`
//! * F34: `f34_a_captive_portal_is_no_kubernetes_api_and_no_answer_to_a_probe`
//! * F35: `f35_a_redirect_to_another_host_is_not_followed`
//! * F36: `f36_an_absurd_retry_after_is_clamped_or_passed_over`
//! * F37: `f37_a_server_that_makes_up_warnings_is_not_listened_to_for_ever`;
//!   `f37_each_warning_is_told_once_as_text_that_a_terminal_can_take`;
//!   `f37_warnings_are_shown_once_and_bring_nothing_of_theirs_to_the_screen`
//! * F40: `f40_a_watch_that_expires_in_mid_list_goes_on_from_a_fresh_version_and_another_pass_follows`;
//!   `f40_f42_expired_tokens_and_versions_end_in_the_servers_truth`
//! * F41: `f41_expired_watches_end_in_the_servers_truth`;
//!   `f41_f42_f43_an_expired_version_in_any_form_is_a_quiet_new_list_without_a_version`
//! * F42: `f40_f42_expired_tokens_and_versions_end_in_the_servers_truth`;
//!   `f41_f42_f43_an_expired_version_in_any_form_is_a_quiet_new_list_without_a_version`
//! * F43: `f41_f42_f43_an_expired_version_in_any_form_is_a_quiet_new_list_without_a_version`
//! * F44: `f44_a_watch_that_closes_at_once_says_so_and_keeps_the_data`;
//!   `f44_watches_that_close_at_once_end_in_the_servers_truth`
//! * F45: `f45_a_silent_watch_is_opened_again_when_the_probe_is_answered_or_at_150_seconds`;
//!   `f45_silent_watches_end_in_the_servers_truth`
//! * F46: `f46_a_quiet_cluster_without_bookmarks_is_never_called_stale`
//! * F47: `f47_a_storm_of_internal_errors_is_met_with_waits_and_the_data_stays`
//! * F48: `f48_f51_duplicate_unordered_replayed_and_unknown_events_leave_what_the_last_one_says`
//! * F49: `f49_what_was_lost_while_lists_and_watches_failed_is_found_again`
//! * F50: `f50_an_event_over_the_cap_is_counted_and_looked_for_by_a_list_at_leisure`
//! * F51: `f48_f51_duplicate_unordered_replayed_and_unknown_events_leave_what_the_last_one_says`
//! * F52: `f52_a_rolling_control_plane_resets_every_watch_and_is_no_storm_of_alerts`;
//!   `f52_a_server_that_goes_and_comes_back_is_read_again`;
//!   `f52_two_watches_cut_within_a_minute_are_one_line_that_counts_what_came_back`;
//!   `f52_watches_cut_far_apart_or_for_another_reason_stay_apart`
//! * F53: `f53_a_403_after_an_hour_of_success_is_transient_for_a_minute`;
//!   `f53_a_server_that_forbids_for_a_moment_is_asked_again_at_once`
//! * F54: `f54_a_server_without_the_group_is_looked_at_every_5_min_without_a_word`;
//!   `f54_a_version_that_goes_away_is_followed_to_the_next`;
//!   `f54_devices_that_are_not_visible_are_null_with_a_reason_and_never_zero`
//! * F55: `f55_a_pod_that_finishes_leaves_at_once_and_without_an_alert_and_may_come_back`
//! * F60: `f60_a_plugin_that_hangs_is_killed_with_its_children`;
//!   `pty_f60_keys_are_answered_and_q_leaves_while_a_credential_plugin_hangs`;
//!   `f60_f63_credentials_are_renewed_a_minute_before_they_expire_while_the_data_goes_on`;
//!   `f60_f63_credentials_are_renewed_before_they_expire`;
//!   `f60_many_rejections_at_once_are_one_renewal_and_a_rejected_renewal_is_not_repeated_quickly`
//! * F61: `f61_a_plugin_that_wants_a_terminal_is_not_started`;
//!   `f61_the_plugin_is_told_that_nobody_is_there_and_gets_no_terminal`;
//!   `pty_f61_a_plugin_that_asks_gets_the_terminal_and_gives_it_back`;
//!   `pty_f61_ctrl_c_ends_a_plugin_that_asks_and_not_the_program`
//! * F62: `f62_a_failing_plugin_is_told_by_its_exit_code_and_nothing_of_its_output`;
//!   `f62_a_missing_plugin_is_named_with_its_hint`; `f62_garbage_is_not_a_credential_and_is_not_quoted`;
//!   `f62_yaml_is_read_like_json`
//! * F63: `f60_f63_credentials_are_renewed_a_minute_before_they_expire_while_the_data_goes_on`;
//!   `f60_f63_credentials_are_renewed_before_they_expire`
//! * F64: `f64_a_rotated_token_file_makes_the_clients_stale_and_a_missing_one_is_named`;
//!   `f64_changed_certificate_files_make_the_clients_stale`
//! * F65: `f65_an_edited_kubeconfig_is_read_again_when_clients_are_built_and_a_bad_edit_changes_nothing`
//! * F66: `f66_the_skew_is_ours_minus_the_servers_less_half_the_way`
//! * F67: `f67_a_wall_clock_that_ran_ahead_and_a_look_that_came_late_are_a_sleep`;
//!   `f67_after_a_sleep_everything_is_stale_at_once_and_listed_again_with_jitter_and_no_alert`
//!
//! Every test of client-go's reflector, retry watcher and pager that concerns us, with ours:
//!
//! * `TestCloseWatchChannelOnError` | `an_error_event_closes_the_watch_that_its_server_keeps_open`
//! * `TestRunUntil` |
//!   `a_cluster_that_is_stopped_at_any_moment_ends_at_once_lets_go_of_everything_and_asks_nothing_more`
//! * `TestReflectorResyncChan`, `TestReflectorResync` | none: a resync replays a cache to handlers, and we have
//!   neither (R18)
//! * `TestReflectorWatchStoppedBefore`, `TestReflectorWatchStoppedAfter` |
//!   `a_cluster_that_is_stopped_at_any_moment_ends_at_once_lets_go_of_everything_and_asks_nothing_more`
//! * `TestReflectorHandleWatchStoppedBefore`, `TestReflectorHandleWatchStoppedAfter` |
//!   `a_cluster_that_is_stopped_at_any_moment_ends_at_once_lets_go_of_everything_and_asks_nothing_more`
//! * `TestReflectorHandleWatchResultChanClosedBefore` |
//!   `a_watch_that_closes_at_once_without_an_event_counts_as_a_failure`
//! * `TestReflectorHandleWatchResultChanClosedAfter` |
//!   `a_watch_that_delivered_goes_on_at_once_from_its_newest_version_but_not_within_a_second`
//! * `TestReflectorWatchHandler` |
//!   `f48_f51_duplicate_unordered_replayed_and_unknown_events_leave_what_the_last_one_says`
//! * `TestReflectorStopWatch` |
//!   `a_cluster_that_is_stopped_at_any_moment_ends_at_once_lets_go_of_everything_and_asks_nothing_more`
//! * `TestReflectorListAndWatch` | `the_watch_opens_at_page_ones_version_beside_the_remaining_pages`,
//!   `the_list_is_complete_with_its_bookmark_and_the_watch_is_open_already`
//! * `TestReflectorListAndWatchWithErrors` |
//!   `after_any_sequence_of_changes_and_faults_the_model_is_the_servers_truth`
//! * `TestReflectorListAndWatchInitConnBackoff`, `TestNewReflectorWithCustomBackoff` |
//!   `failing_lists_back_off_and_flatten_at_the_cap`
//! * `TestBackoffOnTooManyRequests`, `TestNoRelistOnTooManyRequests` |
//!   `a_429_at_the_start_or_as_an_event_backs_off_without_a_new_list`
//! * `TestRetryInternalError` | `internal_errors_are_retried_a_few_times_before_a_new_list`
//! * `TestReflectorWatchListPageSize` | `the_watch_opens_at_page_ones_version_beside_the_remaining_pages`
//! * `TestReflectorNotPaginatingNotConsistentReads`, `TestReflectorPaginatingNonConsistentReadsIfWatchCacheDisabled`
//!   | none: every list is paged and leaves the version unset, so none is inconsistent
//! * `TestReflectorResyncWithResourceVersion` | `a_good_server_is_listed_watched_probed_and_told_in_order`
//! * `TestReflectorExpiredExactResourceVersion` | `a_410_event_lists_again_and_does_not_hot_loop`
//! * `TestReflectorFullListIfExpired` | `an_expired_token_goes_on_with_the_one_that_the_server_supplies`,
//!   `an_expired_token_without_another_starts_a_new_generation_after_the_backoff`
//! * `TestReflectorFullListIfTooLarge` | `a_504_too_large_resource_version_at_the_start_of_a_watch_lists_again`
//! * `TestWatchTimeout` | `the_watchs_timeout_is_random_within_its_bounds`
//! * `TestReflectorResourceVersionUpdate` | `events_and_bookmarks_move_the_version`
//! * `TestReflectorListExtract`, `TestReflectorRespectStoreTransformer` | none: pages are decoded straight into
//!   facts, there is no store of whole objects and no transformer
//! * `TestReflectorReplacesStoreOnUnsafeDelete` | `a_store_that_cannot_be_read_is_listed_again_at_once`
//! * `TestIsUnsupportedTableObject` | `something_else_is_no_pod_and_leaves_the_batch_alone`
//! * `TestNewReflectorWithDisablementWatchList` | `unless_it_is_wanted_no_list_comes_as_a_watch`
//! * `TestInitialEventsEndBookmarkTicker` | `initial_events_that_stop_coming_are_followed_by_pages`
//! * `TestWatchListResourceVersion` | `a_watch_names_its_version_and_asks_for_bookmarks`
//! * `TestWatchList`, synced after a bookmark |
//!   `the_list_is_complete_with_its_bookmark_and_the_watch_is_open_already`
//! * `TestWatchList`, a bookmark without the annotation |
//!   `a_bookmark_that_is_not_the_end_leaves_the_list_unfinished`, `only_the_annotation_true_ends_the_initial_events`
//! * `TestWatchList`, turned off | `unless_it_is_wanted_no_list_comes_as_a_watch`
//! * `TestWatchList`, not supported |
//!   `a_server_that_does_not_stream_is_asked_for_pages_at_once_and_never_again_for_a_stream`
//! * `TestWatchList`, any other error, 429, stopped before the bookmark |
//!   `any_failure_before_the_bookmark_is_followed_by_pages_after_a_wait`
//! * `TestWatchList`, updates and deletes during streaming | `updates_and_deletes_among_the_initial_events_count`
//! * `TestWatchList`, expired or stopped after the bookmark |
//!   `a_watch_that_expires_later_is_followed_by_another_list_as_a_watch`
//! * `TestRetryWatcher`, error, 410 or timeout on start | `a_410_at_the_start_of_a_watch_lists_again`,
//!   `a_watch_that_cannot_connect_waits_and_goes_on_from_its_version`
//! * `TestRetryWatcher`, nil watcher | none: there is no such value
//! * `TestRetryWatcher`, empty initial version | `a_list_without_a_version_is_never_watched`
//! * `TestRetryWatcher`, skips preceding items, closed watches |
//!   `a_watch_that_delivered_goes_on_at_once_from_its_newest_version_but_not_within_a_second`,
//!   `f48_f51_duplicate_unordered_replayed_and_unknown_events_leave_what_the_last_one_says`
//! * `TestRetryWatcher`, Gone, Forbidden, Unauthorized | `a_410_event_lists_again_and_does_not_hot_loop`,
//!   `without_the_right_to_watch_the_list_is_polled`,
//!   `a_rejected_watch_renews_the_credentials_once_and_keeps_its_version`
//! * `TestRetryWatcher`, internal error, unexpected code or type |
//!   `internal_errors_are_retried_a_few_times_before_a_new_list`
//! * `TestRetryWatcherToFinishWithUnreadEvents` | `a_consumer_that_goes_away_with_unread_events_ends_the_tasks`
//! * pager, empty page, one page, one full page | `a_list_of_one_page_is_complete_and_live_once_the_watch_is_open`
//! * pager, two and three pages | `the_watch_opens_at_page_ones_version_beside_the_remaining_pages`
//! * pager, expires on the second page | `an_expired_token_goes_on_with_the_one_that_the_server_supplies`,
//!   `tokens_that_expire_for_ever_do_not_loop`
//! * pager, two pages with a version and its match | none: no list is asked for with a version
//! * pager, `EachListItem`, error processing an item |
//!   `a_panic_over_a_page_ends_its_list_asks_for_no_further_page_of_it_and_another_list_follows`
//! * pager, `EachListItem`, cancel while processing |
//!   `a_cluster_that_is_stopped_at_any_moment_ends_at_once_lets_go_of_everything_and_asks_nothing_more`
//! * pager, buffered pages | `pages_are_asked_for_ahead_of_their_consumer_only_as_far_as_the_channel_goes`

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Rows of the catalogue from F01 to F67; numbers that it does not use are left out.
fn rows() -> BTreeSet<String> {
    let unused = [9, 19, 38, 39, 56, 57, 58, 59];
    (1..=67).filter(|number| !unused.contains(number)).map(|number| format!("F{number:02}")).collect()
}

/// The list items of this file's documentation: what stands before the mark, and what after it.
fn items(mark: &str) -> BTreeMap<String, String> {
    let lines = include_str!("rows.rs").lines().filter_map(|line| line.strip_prefix("//!"));
    let doc = lines.map(str::trim_start).collect::<Vec<_>>().join(" ");
    let items = doc.split("* ").skip(1).filter_map(|item| item.split_once(mark));
    items.map(|(head, rest)| (head.trim().to_owned(), rest.trim().to_owned())).collect()
}

/// The names of all functions below `folder`: a test that is named here exists.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let tests = text.split("test").skip(1).filter_map(|rest| rest.split("fn ").nth(1));
            found.extend(tests.filter_map(|rest| rest.split('(').next()).map(str::to_owned));
        }
    }
}

fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["src", "tests"] {
        functions(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    }
    found
}

/// The names in backticks.
fn named(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).filter(|name| name.len() > 1 && name.contains('_')).collect()
}

#[test]
fn every_row_of_the_catalogue_has_a_test_that_exists_or_a_reason() {
    let (items, tests) = (items(":"), tests());
    for row in rows() {
        let text = items.get(&row).unwrap_or_else(|| panic!("{row} is missing"));
        let names = named(text);
        assert!(!names.is_empty() || text.starts_with("does not apply: "), "{row} has neither a test nor a reason");
        for name in &names {
            assert!(tests.contains(*name), "{row}: there is no test `{name}`");
        }
        let id = row.to_lowercase();
        let carries = |name: &&str| name.split('_').any(|part| part == id);
        let by_name = names.iter().any(carries);
        assert!(by_name || names.is_empty(), "{row}: no test carries its id: {names:?}");
    }
}

#[test]
fn every_upstream_test_that_concerns_us_has_a_counterpart_that_exists_or_a_reason() {
    let (items, tests) = (items(" | "), tests());
    assert!(items.len() >= 45, "{}", items.len());
    for (upstream, ours) in items {
        let names = named(&ours);
        assert!(!names.is_empty() || ours.starts_with("none: "), "{upstream} has neither a test nor a reason");
        for name in names {
            assert!(tests.contains(name), "{upstream}: there is no test `{name}`");
        }
    }
}
