package netsim

// bucket is a token bucket, stored as its theoretical arrival time (the generic cell rate
// algorithm). It is full when at is in the past, and empty when at is burst − 1 intervals ahead.
type bucket struct {
	key uint64 // 0 is free
	at  int64  // ns
}

const (
	bucketSlots = 1 << 16
	bucketWays  = 4 // entries that a key may use
)

// take removes a token from the bucket of key and reports whether there was one. A full bucket can
// be dropped without loss. So a bucket is lost only if four buckets that are not full are in one
// set, which EvictedBuckets counts.
func (s *Sim) take(key uint64, now int64, l limit) bool {
	key |= 1
	first := key >> 32 % (bucketSlots / bucketWays) * bucketWays
	set := s.buckets[first : first+bucketWays]
	var b *bucket
	for i := range set {
		if set[i].key == key {
			b = &set[i]
			break
		}
		if b == nil && set[i].at <= now {
			b = &set[i]
		}
	}
	if b == nil {
		s.count.EvictedBuckets++
		b = &set[key>>1%bucketWays]
	}
	if b.key != key {
		*b = bucket{key: key}
	}
	return b.take(now, l)
}

// take removes a token from b and reports whether there was one.
func (b *bucket) take(now int64, l limit) bool {
	b.at = max(b.at, now)
	if b.at-now > l.ahead {
		return false
	}
	b.at += l.interval
	return true
}

// limit is a rate and a burst in the units of a bucket.
type limit struct {
	interval int64 // ns per token
	ahead    int64 // burst − 1 intervals
}

func limitOf(perSecond float64, burst int) limit {
	if perSecond <= 0 {
		return limit{}
	}
	l := limit{interval: int64(1e9 / perSecond)}
	l.ahead = l.interval * int64(burst-1)
	return l
}
