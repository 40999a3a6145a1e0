package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/internal/wire"
)

// A forged quotation may be several guesses at 32 bits at once. This test counts them for each method,
// with our own source and with a foreign one. It computes the bounds of false hops from them, which
// must be below 10⁻³ and in the threat model.
func TestGuessesOfPacket(t *testing.T) {
	model, err := os.ReadFile("../../docs/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	r := newRand(31)
	for _, tt := range []struct {
		method       probe.Method
		own, foreign int
	}{
		{probe.UDP, 1, 2}, {probe.ICMP, 1, 1}, {probe.TCPSYN, 1, 1}, {probe.TCPACK, 2, 2},
	} {
		for foreign, want := range map[bool]int{false: tt.own, true: tt.foreign} {
			c := newCodec(t, testConfig(tt.method))
			p := randProbe(r, c, true)
			q := quotations(encode(c, p))[2].Quotation
			if foreign {
				q.Src = addr("100.64.7.9")
			}
			got := strongGuesses(c, &q, p)
			if got != want {
				t.Errorf("%v, foreign source %t: a packet is %d guesses, want %d", tt.method, foreign, got, want)
			}
			bound := float64(got) * window.MostWaiting / (1 << 32)
			exponent := math.Floor(math.Log10(bound))
			figure := fmt.Sprintf("%.1f·10⁻⁴", bound/math.Pow(10, exponent))
			if exponent != -4 || !strings.Contains(string(model), figure) {
				t.Errorf("%v, foreign source %t: the threat model has no bound %g (%s)", tt.method, foreign, bound, figure)
			}
		}
	}
}

// strongGuesses returns how many independent guesses at the probe p a quotation is: how many values
// of each tag field make it strong, while the fields that belong to the same guess are right.
func strongGuesses(c *Codec, q *wire.Quotation, p probe.Probe) (n int) {
	strong := func(q *wire.Quotation) bool {
		var f probe.Facts
		return c.Quoted(q, &f) == Accepted && f.Valid == probe.Strong && f.Probe == p
	}
	with := func(at int, value uint16) *wire.Quotation {
		changed := *q
		changed.Transport = append([]byte(nil), q.Transport...)
		binary.BigEndian.PutUint16(changed.Transport[at:], value)
		return &changed
	}
	switch c.cfg.Method {
	case probe.UDP, probe.ICMP:
		at := wire.UDPChecksum
		if c.cfg.Method == probe.ICMP {
			at = wire.EchoSeq
		}
		for value := range 1 << 16 { // with the right identification
			if strong(with(at, uint16(value))) {
				n++
			}
		}
		return n
	}
	// A number of 32 bits is a guess of its own if the packet is strong with any other number.
	r := newRand(32)
	for _, other := range []int{wire.TCPSeq, wire.TCPAck} {
		alone := true
		for range effort.Count(200, 2000) {
			changed := *with(other, uint16(r.Uint32()))
			binary.BigEndian.PutUint16(changed.Transport[other+2:], uint16(r.Uint32()))
			alone = alone && strong(&changed)
		}
		if alone {
			n++
		}
	}
	return n
}
