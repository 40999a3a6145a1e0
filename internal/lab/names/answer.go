package names

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// ttl is the time in seconds for which a resolver may keep an answer.
const ttl = 60

// answer returns the reply to a query (RFC 1035). ok is false for packets that get no reply.
func answer(zone Zone, query []byte) (reply []byte, ok bool) {
	var p dnsmessage.Parser
	head, err := p.Start(query)
	if err != nil || head.Response {
		return nil, false
	}
	m := dnsmessage.Message{Header: dnsmessage.Header{
		ID: head.ID, Response: true, OpCode: head.OpCode, Authoritative: true,
		RecursionDesired: head.RecursionDesired, RecursionAvailable: true,
	}}
	q, err := p.Question()
	switch {
	case err != nil:
		m.RCode = dnsmessage.RCodeFormatError
	case head.OpCode != 0:
		m.RCode = dnsmessage.RCodeNotImplemented
	default:
		m.Questions = []dnsmessage.Question{q}
		var known bool
		if m.Answers, known = records(zone, q); !known {
			m.RCode = dnsmessage.RCodeNameError
		}
	}
	reply, err = m.Pack()
	return reply, err == nil
}

// records returns the records that answer a question. known is false if no record has its name.
func records(zone Zone, q dnsmessage.Question) (list []dnsmessage.Resource, known bool) {
	add := func(body dnsmessage.ResourceBody) {
		head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET, TTL: ttl}
		list = append(list, dnsmessage.Resource{Header: head, Body: body})
	}
	name := strings.TrimSuffix(strings.ToLower(q.Name.String()), ".")
	if a, ok := reverse(name); ok {
		text, ok := zone.Name(a)
		if !ok {
			return nil, false
		}
		if target, err := dnsmessage.NewName(text + "."); err == nil && q.Type == dnsmessage.TypePTR {
			add(&dnsmessage.PTRResource{PTR: target})
		}
		return list, true
	}
	addrs := zone.Addrs(name)
	for _, a := range addrs {
		switch {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			add(&dnsmessage.AResource{A: a.As4()})
		case a.Is6() && q.Type == dnsmessage.TypeAAAA:
			add(&dnsmessage.AAAAResource{AAAA: a.As16()})
		}
	}
	return list, len(addrs) > 0
}

// reverse returns the address of a name below in-addr.arpa (RFC 1035 §3.5) or ip6.arpa (RFC 3596
// §2.5).
func reverse(name string) (a netip.Addr, ok bool) {
	if text, is4 := strings.CutSuffix(name, ".in-addr.arpa"); is4 {
		labels := strings.Split(text, ".")
		slices.Reverse(labels)
		a, err := netip.ParseAddr(strings.Join(labels, "."))
		return a, err == nil && a.Is4()
	}
	text, is6 := strings.CutSuffix(name, ".ip6.arpa")
	digits := []byte(strings.ReplaceAll(text, ".", ""))
	slices.Reverse(digits)
	b, err := hex.DecodeString(string(digits))
	if !is6 || err != nil || len(b) != 16 || len(text) != 63 {
		return a, false
	}
	return netip.AddrFrom16([16]byte(b)), true
}
