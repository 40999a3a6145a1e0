package ndjson

// Add adds what o counted of other targets: those that the run did before its
// last checkpoint, or another shard's. Both must have the same TTLs and flows.
// How and why it ended stays what s says of it.
func (s *Summary) Add(o *Summary) {
	s.Targets += o.Targets
	s.Sent += o.Sent
	s.Answered += o.Answered
	s.Silent += o.Silent
	s.TxErrors += o.TxErrors
	s.Abandoned += o.Abandoned
	s.SilentBy.add(&o.SilentBy)
	s.ByTTL = addByTTL(s.ByTTL, o.ByTTL)
	s.LimitedRoutersCut = s.LimitedRoutersCut || o.LimitedRoutersCut
	s.addLimited(o.LimitedRouters)
	s.FirstSent += o.FirstSent
	s.Skipped.add(&o.Skipped)
	s.Frames.add(&o.Frames)
	s.UDPReplies += o.UDPReplies
	s.PureACKs += o.PureACKs
	s.Drops.add(&o.Drops)
	s.ElapsedS += o.ElapsedS
}

// addByTTL adds what two lists have of the same TTLs.
func addByTTL(a, b []ByTTL) []ByTTL {
	var all [256]ByTTL
	for _, list := range [][]ByTTL{a, b} {
		for i := range list {
			t := &list[i]
			all[t.TTL].TTL = t.TTL
			all[t.TTL].add(t)
		}
	}
	var sum []ByTTL
	for _, t := range all {
		if t.TTL != 0 {
			sum = append(sum, t)
		}
	}
	return sum
}

func (s *SilentBy) add(o *SilentBy) {
	s.Drops += o.Drops
	s.RateLimited += o.RateLimited
	s.Unknown += o.Unknown
}

func (t *ByTTL) add(u *ByTTL) {
	t.Sent += u.Sent
	t.Answered += u.Answered
	t.Silent += u.Silent
	t.SilentBy.add(&u.SilentBy)
	t.Late += u.Late
	t.TxErrors += u.TxErrors
}

func (s *Skipped) add(o *Skipped) {
	s.Reached += o.Reached
	s.Unreachable += o.Unreachable
	s.Loop += o.Loop
	s.GapLimit += o.GapLimit
	s.Known += o.Known
	s.Limited += o.Limited
	s.Excluded += o.Excluded
	s.Interrupted += o.Interrupted
	s.TxError += o.TxError
}

func (f *Frames) add(o *Frames) {
	f.Received += o.Received
	f.Malformed += o.Malformed
	f.Unrelated += o.Unrelated
	f.Rejected.add(&o.Rejected)
	f.Late += o.Late
	f.Duplicates += o.Duplicates
	f.Weak += o.Weak
	f.Strong += o.Strong
	f.Unverified += o.Unverified
	f.Fragments += o.Fragments
}

func (r *Rejected) add(o *Rejected) {
	r.Checksum += o.Checksum
	r.Source += o.Source
	r.Tag += o.Tag
	r.Conflict += o.Conflict
	r.Unsent += o.Unsent
}

func (d *Drops) add(o *Drops) {
	d.Kernel += o.Kernel
	d.Interface += o.Interface
	d.Extensions += o.Extensions
}
