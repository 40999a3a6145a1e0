package netsim

import (
	"math/rand/v2"
	"testing"
)

func checkReply(t *testing.T, p testProbe, probe []byte, rtt int64, w witness, h Hop) {
	t.Helper()
	if w.dst != p.src() || w.ttl != h.ReplyTTL {
		t.Fatalf("%+v: reply to %v with TTL %d, truth %+v", p, w.dst, w.ttl, h)
	}
	if rtt < int64(h.RTT) || rtt > int64(h.RTTMax)+int64(h.RTTMax-h.RTT) {
		t.Fatalf("%+v: RTT %d, truth %d to %d", p, rtt, h.RTT, h.RTTMax)
	}
	if !h.Answer.IsError() {
		return
	}
	six := family(p.dst.Is6())
	kind, code := icmpType(h.Answer, h.Code, six)
	if w.kind != kind || w.code != code {
		t.Fatalf("%+v: ICMP %d/%d, truth %+v", p, w.kind, w.code, h)
	}
	ttl, head := w.body[7], 40
	if !six {
		ttl, head = w.body[8], 20
		if fold(sum(0, w.body[:20])) != 0 {
			t.Fatalf("%+v: quoted header checksum wrong", p)
		}
	}
	if ttl != h.QuotedTTL {
		t.Fatalf("%+v: quoted TTL %d, truth %+v", p, ttl, h)
	}
	n := min(len(probe), int(h.QuotedLen), 548)
	if h.QuotedLen < 548 && int(h.QuotedLen) == head+8 {
		n = head + 8
	}
	if len(w.body) < n {
		t.Fatalf("%+v: %d octets quoted, want %d", p, len(w.body), n)
	}
	set := differences(probe, w.body[:n], head, six)
	if extra := set &^ h.Mangled; extra != 0 {
		t.Fatalf("%+v: fields %b mangled, truth %b", p, set, h.Mangled)
	}
	// These fields may be equal by chance, or not quoted.
	if missing := h.Mangled &^ set &^ (MangledIPID | MangledChecksum); missing != 0 {
		t.Fatalf("%+v: fields %b mangled, truth %b", p, set, h.Mangled)
	}
}

// differences returns the fields in which quotation q differs from probe b.
func differences(b, q []byte, head int, six family) (set Mangle) {
	diff := func(m Mangle, from, to int) {
		if to <= len(q) && string(b[from:to]) != string(q[from:to]) {
			set |= m
		}
	}
	proto := b[9]
	if six {
		proto = b[6]
		diff(MangledSource, 8, 24)
		diff(MangledDestination, 24, 40)
		diff(MangledLength, 4, 6)
		if b[0] != q[0] || b[1]&0xf0 != q[1]&0xf0 {
			set |= MangledTOS
		}
		if b[1]&15 != q[1]&15 || b[2] != q[2] || b[3] != q[3] {
			set |= MangledLabel
		}
	} else {
		diff(MangledTOS, 1, 2)
		diff(MangledLength, 2, 4)
		diff(MangledIPID, 4, 6)
		diff(MangledSource, 12, 16)
		diff(MangledDestination, 16, 20)
	}
	at := head + checksumAt(proto)
	diff(MangledChecksum, at, at+2)
	if proto == protoICMP || proto == protoICMPv6 {
		diff(MangledPort, head+4, head+6)
	} else {
		diff(MangledPort, head, head+2)
	}
	return set
}

// TestMangledAll checks that every box occurs, and that transport checksums are correct if a NAT
// must correct them.
func TestMangledAll(t *testing.T) {
	cfg := preset(t, "nat")
	s := newSim(t, cfg)
	r := rand.New(rand.NewPCG(3, 4))
	var seen Mangle
	natRight := 0
	for range 20000 {
		p := randomProbe(r, 25)
		p.tos = 4
		b := p.build(t)
		rec, out := send(s, 0, b)
		if !rec.Answer.IsError() {
			continue
		}
		w, err := decode(out[0].b)
		must(t, err)
		head := headerLen(family(p.dst.Is6()))
		if len(w.body) < len(b) || len(w.body) > len(b) && len(w.body) < 128 {
			continue
		}
		q := w.body[:len(b)]
		set := differences(b, q, head, family(p.dst.Is6()))
		seen |= set
		if set&(MangledSource|MangledDestination|MangledPort) != 0 {
			var parsed packet
			parsed.raw, parsed.ip, parsed.six = q, head, family(p.dst.Is6())
			if p.dst.Is6() {
				parsed.parse6(q)
			} else {
				parsed.parse4(q)
			}
			if f := parsed.parseTransport(); f != Answered {
				t.Fatalf("%+v: quotation after a NAT is judged %v", p, f)
			}
			natRight++
		}
	}
	if want := MangledLength<<1 - 1; seen != want {
		t.Errorf("mangled fields seen %b, want %b", seen, want)
	}
	if natRight < 100 {
		t.Errorf("only %d quotations after NATs", natRight)
	}
}
