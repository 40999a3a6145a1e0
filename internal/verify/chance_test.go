package verify

import (
	"testing"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/record"
)

// A hop that exists and was lost at every attempt is distinguished from one that never existed. It
// does not count as missing from the results.
func TestChance(t *testing.T) {
	for _, attempts := range []int{1, 3} {
		r := (&prober{preset: "loss", attempts: attempts}).check(t, nil)
		c := &r.Recall
		lost := float64(c.Chance) / float64(c.Chance+c.Answers)
		if c.Found != c.Answers || attempts == 1 && (lost < 0.02 || lost > 0.09) || attempts == 3 && lost > 0.003 {
			t.Errorf("%d attempts: %+v", attempts, c)
		}
	}
	if c := &(&prober{preset: "silent"}).check(t, nil).Recall; c.Chance != 0 {
		t.Errorf("silent routers: %+v", c)
	}
}

// With per-packet balancers, a target may quote a distance at which routers also answered. Then the
// lowest TTL at which the target answered is accepted as an end, too.
func TestDoubtfulDistance(t *testing.T) {
	r := (&prober{preset: "perpacket", targets: 400}).check(t, nil)
	if e := r.Ends; e.Right != e.Traces || e.Traces != 800 {
		t.Errorf("%+v", e)
	}
	// If no router contradicts the distance, that end is wrong.
	h := heardEnd{}
	h.target(&sent{ttl: 20, dist: 18, answer: netsim.PortUnreach, marks: atTarget})
	for router, want := range map[uint8]bool{17: false, 18: true, 19: true} {
		if h.router = router; h.doubtful() != want {
			t.Errorf("router at %d: %v", router, !want)
		}
	}
}

// A datagram with wrong bits counts like a correct one: hardware verifies its checksum. More than
// those are a fault.
func TestFlippedDatagrams(t *testing.T) {
	for said, fault := range map[uint64]bool{1: false, 2: false, 3: false, 4: true} {
		a := &asked{copies: map[netsim.Answer]uint64{netsim.UDPReply: 2}, flows: []flow{{to: 3}}, probes: []sent{
			{fate: netsim.Answered, answer: netsim.UDPReply, copies: 1},
			{fate: netsim.Answered, answer: netsim.UDPReply, copies: 1, marks: flipped},
			{fate: netsim.Answered, answer: netsim.TimeExceeded, copies: 1, marks: flipped},
		}}
		c := &checker{asked: a, summary: new(record.Summary), examples: map[string]int{}}
		c.summary.UDPReplies = said
		for _, l := range c.sumsReport().Lines {
			if l.Name == "udp_reply" && (l.Fault != fault || l.Is != 2) {
				t.Errorf("%d said: %+v", said, l)
			}
		}
	}
}
