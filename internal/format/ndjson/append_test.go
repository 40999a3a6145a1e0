package ndjson

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

// strconv is the witness, at every number of digits.
func TestAppendDecimal(t *testing.T) {
	check := func(v uint64) {
		if got, want := string(appendDecimal([]byte("x"), v)), "x"+strconv.FormatUint(v, 10); got != want {
			t.Fatalf("appendDecimal(%d) = %q", v, got)
		}
	}
	for power := uint64(1); ; power *= 10 {
		check(power - 1)
		check(power)
		if power > math.MaxUint64/10 {
			break
		}
	}
	check(math.MaxUint64)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		v := rng.Uint64() >> rng.UintN(64)
		check(v)
		n := int64(v)
		if got, want := string(appendInt(nil, "k", n)), `,"k":`+strconv.FormatInt(n, 10); got != want {
			t.Fatalf("appendInt(%d) = %q", n, got)
		}
	}
}

func TestAppendOctets(t *testing.T) {
	for _, a := range []string{"0.0.0.0", "1.23.100.255", "2a00::1:7", "::1"} {
		if got := string(appendOctets(nil, probe.AddrFrom(netip.MustParseAddr(a)))); got != a {
			t.Errorf("%q, want %q", got, a)
		}
	}
}
