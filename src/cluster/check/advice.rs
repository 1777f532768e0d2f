//! Advice on what to do next, by the layer that failed.

use crate::msg::Layer;

/// Next thing to do. Never suggests switching verification off (F05).
pub(super) fn advice(layer: Layer) -> &'static str {
    match layer {
        Layer::Config => "mend the kubeconfig; `kubectl config view --minify` shows what it says",
        Layer::Credentials => "log in again, or run the credential plugin by hand to see what it says",
        Layer::Dns => "check the server's name in the kubeconfig, the VPN and this machine's resolver",
        Layer::Proxy => "check HTTPS_PROXY, NO_PROXY and the cluster's proxy-url",
        Layer::Connect => "check the VPN, the firewall, the port, and that the API server or its load balancer runs",
        Layer::Tls => "hold the cluster's certificate-authority and this machine's clock against the certificate",
        Layer::Auth => "log in again or renew the token: the server does not know these credentials",
        Layer::Rbac => "ask for the role that `watchbell rbac` prints",
        Layer::Throttled => "the server sheds load: see the step `load`, or ask again later",
        Layer::Server => "look into the API server's log, and what stands in front of it",
        Layer::ServerTimeout => "the server's own deadline passed: look at etcd, webhooks and large lists",
        Layer::FirstByte => {
            "it connects but does not answer: look at the API server's load, etcd and its load balancer"
        }
        Layer::Body => "the answer starves on its way: look at the network, the MTU, proxies and the load balancer",
        Layer::Decode => "what answers is no Kubernetes API: check the server's URL, and for a login page",
        Layer::Watch => "the server's history is short: look at etcd's compaction and the watch cache",
        Layer::Warning => "read what the server warns of",
        Layer::Internal => "this is a fault of our own: report it with the output of this command",
    }
}
