package helpdesk

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Destination is one host and port that a tenant's private sandboxes may connect to, in the form that
// ParseDestination gives it: "api.example.com:443", "192.0.2.7:22", "[2001:db8::1]:443".
type Destination string

// MostDestinations is how many a tenant may have.
const MostDestinations = 50

// ParseDestination reads a destination: a full name or an address, and always a port. The same place has one spelling
// only, so that two of them can be compared.
func ParseDestination(text string) (Destination, error) {
	shown := strconv.Quote(text)
	if len(text) > 300 {
		return "", Errorf(TooLarge, "A destination has at most 300 characters.")
	}
	bad := func(why string) (Destination, error) {
		return "", Errorf(Invalid, "%s is no destination: %s.", shown, why)
	}
	host, port, err := net.SplitHostPort(strings.TrimSpace(text))
	if err != nil {
		return bad("write host:port, such as api.example.com:443, and an IPv6 address in brackets")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || port[0] == '0' || port[0] == '+' {
		return bad("its port is a number from 1 to 65535")
	}
	if address, err := netip.ParseAddr(host); err == nil {
		address = address.Unmap()
		if address.Zone() != "" || address.IsUnspecified() || address.IsMulticast() || address == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
			return bad("an address is that of one host, without a zone")
		}
		return Destination(netip.AddrPortFrom(address, uint16(n)).String()), nil
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if why := nameFault(name); why != "" {
		return bad(why)
	}
	return Destination(net.JoinHostPort(name, port)), nil
}

// nameFault says why a name, in small letters, cannot be that of a host; "" when it can.
func nameFault(name string) string {
	if name == "" || len(name) > 253 {
		return "a name has between 1 and 253 characters"
	}
	if strings.Contains(name, "*") {
		return "there are no wildcards; name each host"
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return "a service of the host itself is opened by its address, such as 127.0.0.1:5432, so that it is plain what is meant"
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "a name has letters, digits and hyphens between dots; write one with other letters in its xn-- form, and no scheme or path"
		}
	}
	// Some programs read these as addresses, in octal or hexadecimal.
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") {
		return "a name does not end in a number, and an IPv4 address is four decimal numbers"
	}
	return ""
}

// ParseDestinations reads a tenant's list. What is there twice is kept once.
func ParseDestinations(texts []string) ([]Destination, error) {
	var list []Destination
	for _, text := range texts {
		d, err := ParseDestination(text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(list, d) {
			list = append(list, d)
		}
	}
	if len(list) > MostDestinations {
		return nil, Errorf(TooMany, "A tenant has at most %d destinations. Remove one that is no longer used.", MostDestinations)
	}
	return list, nil
}

// Host is the name or address, without brackets.
func (d Destination) Host() string {
	host, _, _ := net.SplitHostPort(string(d))
	return host
}

// Address is the address and port where the destination is written as one.
func (d Destination) Address() (netip.AddrPort, bool) {
	a, err := netip.ParseAddrPort(string(d))
	return a, err == nil
}

// Port is the destination's port.
func (d Destination) Port() uint16 {
	_, port, _ := net.SplitHostPort(string(d))
	n, _ := strconv.ParseUint(port, 10, 16)
	return uint16(n)
}
