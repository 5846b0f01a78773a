package access

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxHops is how many proxies a request is followed back through (count).
const maxHops = 16

// clientAddress is who sent a request: the connection's other end, or whom
// trusted proxies say that they speak for. What others say of themselves in
// X-Forwarded-For counts for nothing. It is invalid where it is not known.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address := at.Addr().Unmap()
	if len(trusted) == 0 {
		return address
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops[max(0, len(hops)-maxHops):]) {
		if !slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(address) }) {
			break
		}
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		address = next.Unmap()
	}
	return address
}
