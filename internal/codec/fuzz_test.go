package codec

import (
	"bytes"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// FuzzQuoted gives arbitrary transport octets and fields after a probe's addresses. An accepted
// quotation must name a probe that may have been sent. It must bear the tags of that probe.
func FuzzQuoted(f *testing.F) {
	codecs := make([]*Codec, len(kinds))
	for i, k := range kinds {
		c := newCodec(f, testConfig(k.method))
		codecs[i] = c
		p := randProbe(newRand(70), c, k.is4)
		for _, q := range quotations(encode(c, p)) {
			f.Add(uint8(i), q.Transport, p.Target[:], q.ID, q.Label, q.TOS, uint16(q.Size), true)
			f.Add(uint8(i), q.Transport, p.Target[:], q.ID^1, q.Label, q.TOS, uint16(q.Size), false)
		}
		f.Add(uint8(i), []byte{}, p.Target[:4], uint16(0), uint32(0), uint8(0), uint16(0), false)
	}
	f.Fuzz(func(t *testing.T, which uint8, transport, target []byte, id uint16, label uint32, tos uint8, size uint16, own bool) {
		k, c := kinds[int(which)%len(kinds)], codecs[int(which)%len(kinds)]
		q := wire.Quotation{
			Is4: k.is4, Src: c.Source(k.is4), Protocol: k.method.Protocol(k.is4), ID: id, Label: label & 0xfffff,
			TOS: tos, Size: int(size), Headers: 20, Transport: transport,
		}
		copy(q.Dst[:], target)
		if !own {
			q.Src[15]++
		}
		r := probe.Facts{Mangled: 0xffff}
		v := c.Quoted(&q, &r)
		if v > Garbled || len(transport) < 8 && (v == Accepted || v == Garbled) {
			t.Fatalf("verdict %d", v)
		}
		if garbled := r.Valid == probe.Garbled; garbled != (v == Garbled || v == BadSource) ||
			garbled && (int(r.Flow) >= c.cfg.Flows || r.Target != q.Dst) ||
			v == BadSource && (own || !r.Mangled.Has(probe.MangledSource)) {
			t.Fatalf("verdict %d: %+v", v, r)
		}
		if v == Accepted {
			checkAccepted(t, c, &q, &r, own)
		}
	})
}

func checkAccepted(t *testing.T, c *Codec, q *wire.Quotation, r *probe.Facts, own bool) {
	t.Helper()
	if !c.inRange(tau(r.TTL, r.Attempt)) || int(r.Flow) >= c.cfg.Flows || r.Target != q.Dst || r.Valid == probe.Unverified {
		t.Fatalf("%+v", r)
	}
	if own == r.Mangled.Has(probe.MangledSource) || !own && r.Valid != probe.Strong {
		t.Fatalf("source %t: %+v", own, r)
	}
	b := encode(c, r.Probe)
	sent := quote(b, len(b))
	named := r.Mangled.Has(probe.MangledIPID)
	if r.Valid == probe.Strong && q.Is4 && sent.ID != q.ID && !named || sent.ID == q.ID && named {
		t.Fatalf("id %#04x, sent %#04x", q.ID, sent.ID)
	}
	from, to, name := wire.UDPChecksum, wire.UDPChecksum+2, probe.MangledCsum
	switch c.cfg.Method {
	case probe.ICMP:
		from, to, name = wire.EchoSeq, wire.EchoSeq+2, probe.MangledSeq
	case probe.TCPSYN, probe.TCPACK:
		from, to, name = wire.TCPSeq, wire.TCPSeq+4, probe.MangledSeq
	}
	got, want := q.Transport[from:to], sent.Transport[from:to]
	if bytes.Equal(got, want) == r.Mangled.Has(name) {
		t.Fatalf("tag % x, sent % x, mangled %v", got, want, r.Mangled.AppendNames(nil))
	}
}

// FuzzEchoReply gives arbitrary messages.
func FuzzEchoReply(f *testing.F) {
	c := newCodec(f, testConfig(probe.ICMP))
	for _, k := range echoKinds {
		p := randProbe(newRand(71), c, k.is4)
		whole := echoReply(c, p)
		for _, n := range []int{0, 7, 8, 8 + sealLen, len(whole)} {
			f.Add(whole[:n], p.Target[:], k.is4)
		}
	}
	f.Fuzz(func(t *testing.T, message, from []byte, is4 bool) {
		r := probe.Facts{Mangled: 0xffff}
		copy(r.Responder[:], from)
		v := c.EchoReply(message, is4, &r)
		switch {
		case v > Garbled || len(message) < 8 && v != Malformed:
			t.Fatalf("verdict %d", v)
		case v == Accepted && (!c.inRange(tau(r.TTL, r.Attempt)) || int(r.Flow) >= c.cfg.Flows || r.Target.Is4() != is4):
			t.Fatalf("%+v", r)
		}
	})
}
