package outbound

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"

	"helpdesk"
)

// metadata are the services of clouds that give a machine its own secrets, as far as they are not link-local.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),   // Amazon
	netip.MustParseAddr("fd20:ce::254"),    // Google
	netip.MustParseAddr("100.100.100.200"), // Alibaba
	netip.MustParseAddr("168.63.129.16"),   // Azure
	netip.MustParseAddr("192.0.0.192"),     // Oracle
}

var (
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8") // the kernel takes some of it for this host
	translated  = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour   = netip.MustParsePrefix("2002::/16")
)

// refusal says why a name may not lead to an address; "" when it may. own are the addresses of this host.
func refusal(a netip.Addr, own []netip.Addr) string {
	a = a.Unmap().WithZone("")
	bytes := a.As16()
	switch {
	case a.IsLoopback(), a.IsUnspecified(), thisNetwork.Contains(a), slices.Contains(own, a):
		return "an address of the machine that HelpDesk runs on"
	case a.IsLinkLocalUnicast(), slices.Contains(metadata, a):
		return "a link-local or metadata address"
	case a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "not the address of one machine"
	case translated.Contains(a): // an IPv4 address in disguise
		return refusal(netip.AddrFrom4([4]byte(bytes[12:])), own)
	case sixToFour.Contains(a):
		return refusal(netip.AddrFrom4([4]byte(bytes[2:6])), own)
	}
	return ""
}

// own gives the addresses of this host's interfaces.
func own() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var found []netip.Addr
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			found = append(found, p.Addr().Unmap().WithZone(""))
		}
	}
	return found, nil
}

// dial connects to a destination of the list.
func (p *Proxy) dial(ctx context.Context, to helpdesk.Destination) (net.Conn, error) {
	if !slices.Contains(p.cfg.Allow, to) {
		return nil, helpdesk.Errorf(helpdesk.Forbidden, "%s is not among the destinations that this tenant's sandboxes may reach. A platform admin can add it to the tenant.", to)
	}
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Dial)
	defer cancel()
	if address, ok := to.Address(); ok {
		return p.connect(ctx, to, address)
	}
	// With the dot at its end a name is whole: what the host's resolver would complete it to is another one.
	addresses, err := p.cfg.Lookup(ctx, to.Host()+".")
	if err != nil {
		return nil, helpdesk.WithCause(helpdesk.Unavailable, err, "%s could not be found: its name has no address, or the name service did not answer.", to)
	}
	ours, err := p.cfg.Own()
	if err != nil {
		return nil, helpdesk.WithCause(helpdesk.Unavailable, err, "The addresses of this host could not be read, so nothing is connected to by name.")
	}
	why := "no address"
	var failed error
	for _, a := range addresses {
		if r := refusal(a, ours); r != "" {
			why = r
			continue
		}
		conn, err := p.connect(ctx, to, netip.AddrPortFrom(a.Unmap(), to.Port()))
		if err == nil {
			return conn, nil
		}
		failed = errors.Join(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	if failed != nil {
		return nil, helpdesk.WithCause(helpdesk.Unavailable, failed, "%s did not answer.", to)
	}
	return nil, helpdesk.Errorf(helpdesk.Forbidden, "The name %s leads to %s, which is opened by its address only.", to.Host(), why)
}

func (p *Proxy) connect(ctx context.Context, to helpdesk.Destination, a netip.AddrPort) (net.Conn, error) {
	conn, err := p.reach(ctx, a)
	if err != nil {
		return nil, helpdesk.WithCause(helpdesk.Unavailable, err, "%s did not answer.", to)
	}
	return conn, nil
}
