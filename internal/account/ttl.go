package account

import (
	"encoding/json"
	"fmt"

	"github.com/masstrace/masstrace/internal/probe"
)

// ByTTL has the counts of each TTL. In JSON it is the list of the TTLs that have any, in
// order, each with its ttl; without any it is left out.
type ByTTL [probe.MaxTTL + 1]TTLCounts

// IsZero reports whether no TTL has a count.
func (b *ByTTL) IsZero() bool { return *b == ByTTL{} }

// ttlEntry is an entry of the list.
type ttlEntry struct {
	TTL uint8 `json:"ttl"`
	TTLCounts
}

// MarshalJSON implements json.Marshaler.
func (b ByTTL) MarshalJSON() ([]byte, error) {
	list := make([]ttlEntry, 0, len(b))
	for ttl := range b {
		if b[ttl] != (TTLCounts{}) {
			list = append(list, ttlEntry{uint8(ttl), b[ttl]})
		}
	}
	return json.Marshal(list)
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *ByTTL) UnmarshalJSON(text []byte) error {
	var list []ttlEntry
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	*b = ByTTL{}
	for i := range list {
		if list[i].TTL < 1 || list[i].TTL > probe.MaxTTL {
			return fmt.Errorf("by_ttl: TTL %d is not from 1 to %d", list[i].TTL, probe.MaxTTL)
		}
		b[list[i].TTL] = list[i].TTLCounts
	}
	return nil
}
