package account

import (
	"errors"
	"fmt"
)

// maxExact is the first integer that not every JSON reader takes exactly.
const maxExact = 1 << 53

// sum is one sum that must hold.
type sum struct {
	what        string
	left, right uint64
}

// Balance returns an error that names each sum which does not hold, nil if all do.
func (a *Account) Balance() error {
	f := &a.Inbound
	sums := []sum{
		{"sent = answered + silent", a.Sent, a.Answered + a.Silent},
		{"frames = malformed + unrelated + rejected + late_replies + duplicates + superseded + weak + strong + unverified",
			f.Frames, f.Malformed + f.Unrelated + f.Rejected.Total() + f.Late +
				f.Duplicates + f.Superseded + f.Weak + f.Strong + f.Unverified},
		{"answered + udp_reply + pure_ack = strong + weak + unverified",
			a.Answered + f.UDPReplies + f.PureACKs, f.Strong + f.Weak + f.Unverified},
		{"silent = all of silent_by", a.Silent, a.SilentBy.Total()},
	}
	if a.TTLs == 0 { // a list of probes, or a capture: nothing was requested of each target
		sums = append(sums, sum{"first_sent = 0", a.FirstSent, 0})
	} else {
		sums = append(sums, sum{"targets × ttls × flows + further_flows = first_sent + skipped",
			a.Targets*a.TTLs*a.Flows + a.Further, a.FirstSent + a.Skipped.Total()})
	}
	sums = append(sums, a.sumsByTTL()...)
	var errs []error
	for _, c := range sums {
		if c.left != c.right {
			errs = append(errs, fmt.Errorf("summary: %s does not hold: %d and %d", c.what, c.left, c.right))
		}
		if c.left >= maxExact || c.right >= maxExact {
			errs = append(errs, fmt.Errorf("summary: %s: %d or %d is not below 2⁵³", c.what, c.left, c.right))
		}
	}
	if a.FirstSent > a.Sent {
		errs = append(errs, fmt.Errorf("summary: first_sent %d is more than sent %d", a.FirstSent, a.Sent))
	}
	return errors.Join(errs...)
}

// sumsByTTL returns the sums over TTLs, or nothing if TTLs are unknown.
func (a *Account) sumsByTTL() (sums []sum) {
	if a.ByTTL.IsZero() {
		return nil
	}
	var all TTLCounts
	for ttl := range a.ByTTL {
		t := &a.ByTTL[ttl]
		what := fmt.Sprintf("at TTL %d: ", ttl)
		sums = append(sums,
			sum{what + "sent = answered + silent", t.Sent, t.Answered + t.Silent},
			sum{what + "silent = all of silent_by", t.Silent, t.SilentBy.Total()})
		add(words(&all), words(t))
	}
	sums = append(sums,
		sum{"sent = sum of by_ttl", a.Sent, all.Sent},
		sum{"answered = sum of by_ttl", a.Answered, all.Answered},
		sum{"tx_errors = sum of by_ttl", a.TxErrors, all.TxErrors},
		sum{"silent_by.kernel_drops = sum of by_ttl", a.SilentBy.Drops, all.SilentBy.Drops},
		sum{"silent_by.rate_limited = sum of by_ttl", a.SilentBy.RateLimited, all.SilentBy.RateLimited})
	if all.Late > a.Late { // late replies that show no hop are only in the latter
		sums = append(sums, sum{"late_replies ≥ sum of by_ttl", a.Late, all.Late})
	}
	return sums
}
