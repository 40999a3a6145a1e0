package traceroute

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// routeHop returns an answer from 203.0.113.x after that many µs.
func routeHop(ttl, x uint8, us int64) *record.Hop {
	h := udp4Hop(ttl)
	h.Responder = probe.Addr4From([4]byte{203, 0, 113, x})
	h.RTT = us * 1000
	return &h
}

// routeRow returns a row of one flow; nil is silence.
func routeRow(ttl uint8, hops ...*record.Hop) Row {
	row := Row{TTL: ttl}
	for _, h := range hops {
		row.Probes = append(row.Probes, Probe{Hop: h})
	}
	return row
}

func writeRoute(t *testing.T, r *Writer, host string, rows ...Row) []byte {
	t.Helper()
	var out bytes.Buffer
	r.Out = &out
	err := r.Head(host, target4.Netip(), 30, 44)
	for _, row := range rows {
		if err == nil {
			err = r.Row(row)
		}
	}
	if err == nil {
		err = r.Tail()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestGoldenRoute(t *testing.T) {
	label := func(labels ...wire.Label) []byte {
		var b []byte
		for _, l := range labels {
			b = l.AppendTo(b)
		}
		return wire.AppendExtension(nil, wire.Object{Class: wire.ClassMPLS, CType: wire.CTypeIncomingMPLS, Payload: b})
	}
	mpls := routeHop(4, 4, 4000)
	mpls.Ext = label(wire.Label{Label: 16000, S: 1, TTL: 1})
	stack := routeHop(4, 4, 4100)
	stack.Ext = label(wire.Label{Label: 16000, TTL: 1}, wire.Label{Label: 3, EXP: 5, S: 1, TTL: 254})
	faulty := routeHop(4, 4, 4200)
	faulty.Ext = append([]byte(nil), mpls.Ext...)
	faulty.Ext[2] ^= 0xff

	inter := routeHop(5, 5, 5000)
	in := wire.Interface{Role: wire.RoleIncoming, Index: 7, Addr: netip.MustParseAddr("203.0.113.55"), Name: []byte("ge-0\x1b[0m"), MTU: 1500}
	payload, ctype := in.AppendTo(nil)
	inter.Ext = wire.AppendExtension(nil, wire.Object{Class: wire.ClassInterface, CType: ctype, Payload: payload},
		wire.Object{Class: 200, CType: 3, Payload: []byte{0xca, 0xfe, 0, 1}})

	refusal := *routeHop(8, 8, 8000)
	refusal.Type, refusal.Code, refusal.Kind = wire.ICMPv4Unreachable, 1, probe.KindHostUnreach
	port := *routeHop(9, 9, 90)
	port.Responder, port.Type, port.Code, port.Kind = target4, wire.ICMPv4Unreachable, 3, probe.KindPortUnreach

	golden(t, "route.txt", writeRoute(t, &Writer{Flows: 1}, "example.net\x07",
		routeRow(1, routeHop(1, 1, 123), routeHop(1, 1, 99), routeHop(1, 1, 1234567)),
		routeRow(2, nil, nil, nil),
		routeRow(3, routeHop(3, 3, 300), nil, routeHop(3, 33, 310)),
		routeRow(4, mpls, stack, faulty),
		routeRow(5, inter, inter),
		routeRow(8, &refusal, nil, &refusal),
		routeRow(10, &port, &port, &port),
	))
	name := func(a netip.Addr) string {
		if a.As4()[3] == 1 {
			return "r1.example.net\x1b]0;evil\x07"
		}
		return a.String()
	}
	golden(t, "route-names.txt", writeRoute(t, &Writer{Flows: 1, Name: name}, "198.51.100.9",
		routeRow(1, routeHop(1, 1, 123), routeHop(1, 1, 99), routeHop(1, 2, 101)),
		routeRow(2, &port),
	))
}

func TestGoldenRouteFlows(t *testing.T) {
	row := func(ttl uint8, per ...[]*record.Hop) Row {
		r := Row{TTL: ttl}
		for flow, hops := range per {
			for _, h := range hops {
				r.Probes = append(r.Probes, Probe{Flow: uint16(flow), Hop: h})
			}
		}
		return r
	}
	both := func(ttl, x uint8) []*record.Hop {
		return []*record.Hop{routeHop(ttl, x, 1000), routeHop(ttl, x, 1500)}
	}
	mute := []*record.Hop{nil, nil}
	golden(t, "route-flows.txt", writeRoute(t, &Writer{Flows: 4, Width: 16}, "example.net",
		row(1, both(1, 1), both(1, 1), both(1, 1), both(1, 1)),
		row(2, both(2, 2), both(2, 22), both(2, 2), mute),
		row(3, mute, mute, mute, mute),
		row(4, []*record.Hop{routeHop(4, 4, 10), nil}, both(4, 4), both(4, 4), both(4, 4)),
		row(5, both(5, 5), nil, both(5, 55), both(5, 5)),
	))
}

// Marks are traceroute's.
func TestMarks(t *testing.T) {
	for _, tt := range []struct {
		protocol, typ, code uint8
		mtu                 uint32
		want                string
	}{
		{1, 11, 0, 0, ""}, {1, 11, 1, 0, " !<11-1>"}, {1, 0, 0, 0, ""}, {1, 12, 0, 0, " !<12-0>"},
		{1, 3, 0, 0, " !N"}, {1, 3, 1, 0, " !H"}, {1, 3, 2, 0, " !P"}, {1, 3, 3, 0, ""},
		{1, 3, 4, 1400, " !F-1400"}, {1, 3, 5, 0, " !S"}, {1, 3, 6, 0, " !N"}, {1, 3, 7, 0, " !H"},
		{1, 3, 8, 0, " !N"}, {1, 3, 9, 0, " !X"}, {1, 3, 10, 0, " !X"}, {1, 3, 11, 0, " !N"},
		{1, 3, 12, 0, " !H"}, {1, 3, 13, 0, " !X"}, {1, 3, 14, 0, " !V"}, {1, 3, 15, 0, " !C"}, {1, 3, 77, 0, " !<77>"},
		{58, 3, 0, 0, ""}, {58, 3, 1, 0, " !<3-1>"}, {58, 129, 0, 0, ""}, {58, 2, 0, 1280, " !F-1280"},
		{58, 4, 1, 0, " !P"}, {58, 4, 0, 0, " !<4-0>"}, {58, 1, 0, 0, " !N"}, {58, 1, 1, 0, " !X"},
		{58, 1, 2, 0, " !H"}, {58, 1, 3, 0, " !H"}, {58, 1, 4, 0, ""}, {58, 1, 5, 0, " !<5>"}, {6, 0, 0, 0, ""},
	} {
		h := new(record.Hop)
		h.Protocol, h.Type, h.Code, h.MTU = tt.protocol, tt.typ, tt.code, tt.mtu
		if got := mark(h); got != tt.want {
			t.Errorf("protocol %d, type %d, code %d: %q, want %q", tt.protocol, tt.typ, tt.code, got, tt.want)
		}
	}
}

// The state of a TCP port comes after the address.
func TestRoutePorts(t *testing.T) {
	for kind, want := range map[probe.Kind]string{probe.KindSYNACK: "[open]", probe.KindRST: "[closed]"} {
		h := routeHop(1, 1, 1000)
		h.Protocol, h.Kind = probe.ProtoTCP, kind
		got := writeRoute(t, &Writer{Flows: 1}, "h", routeRow(1, h))
		line := fmt.Sprintf("\n 1  203.0.113.1 %s  1.000 ms\n", want)
		if !bytes.Contains(got, []byte(line)) {
			t.Errorf("%q lacks %q", got, line)
		}
	}
}

func TestRouteTouched(t *testing.T) {
	for method, want := range map[probe.Method]string{
		probe.UDP:    "192.0.2.9 answered by a datagram, which tells no distance\n",
		probe.TCPSYN: "192.0.2.9 answered by an acknowledgement, which tells no distance\n",
	} {
		var out bytes.Buffer
		if err := (&Writer{Out: &out}).Touched(netip.MustParseAddr("192.0.2.9"), method); err != nil || out.String() != want {
			t.Errorf("%v: %q, %v", method, out.String(), err)
		}
	}
}
