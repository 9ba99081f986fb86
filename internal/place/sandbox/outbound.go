package sandbox

import "slices"

// A private sandbox whose tenant has destinations outside finds a proxy to them on its own loopback.
const (
	ProxyPort    = 3128
	proxyAddress = "http://127.0.0.1:3128"

	// ProxyList is in the environment of the proxy outside: a JSON list of the destinations that it lets through.
	ProxyList = "HELPDESK_LAUNCH_OUTBOUND"
)

// proxyVariables tell programs of the proxy. Those of loopback are the sandbox's own and need none.
var proxyVariables = []string{
	"http_proxy=" + proxyAddress, "https_proxy=" + proxyAddress, "all_proxy=" + proxyAddress, "no_proxy=localhost,127.0.0.1,::1",
	"HTTP_PROXY=" + proxyAddress, "HTTPS_PROXY=" + proxyAddress, "ALL_PROXY=" + proxyAddress, "NO_PROXY=localhost,127.0.0.1,::1",
}

// ProxyNames are the names of the variables by which programs in a sandbox find the proxy.
func ProxyNames() []string { return names(proxyVariables) }

// WithProxy completes the variables of a program with those that tell of the proxy and that env does not have.
func WithProxy(env []string) []string {
	have := names(env)
	env = slices.Clone(env)
	for i, name := range ProxyNames() {
		if !slices.Contains(have, name) {
			env = append(env, proxyVariables[i])
		}
	}
	return env
}
