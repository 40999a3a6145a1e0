package engine

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/probe"
)

// columns are the columns of a TTL for a file, as numbers in little-endian order: gob takes several
// times as long for a slice of numbers of a named type. A column is empty if the TTL was never used.
type columns struct{ Hops, Old, Seen, RTTs []byte }

// pack returns the columns of all TTLs.
func (p *paths) pack() (list [ttls]columns) {
	for t := range list {
		list[t] = columns{packed(p.hops[t]), packed(p.old[t]), packed(p.seen[t]), nil}
		for _, rtt := range p.rtts[t] {
			list[t].RTTs = binary.LittleEndian.AppendUint16(list[t].RTTs, rtt)
		}
	}
	return list
}

// unpack takes columns; fresh has the new number of each address. ok is false if they are damaged.
func (p *paths) unpack(list *[ttls]columns, fresh []id) (ok bool) {
	n := len(p.states)
	for t := range list {
		c := &list[t]
		for _, column := range [...]struct {
			b    []byte
			size int
		}{{c.Hops, 4}, {c.Old, 4}, {c.Seen, 4}, {c.RTTs, 2}} {
			if l := len(column.b); l != 0 && l != column.size*n {
				return false
			}
		}
		if len(c.Seen) != len(c.Hops) || len(c.RTTs)*2 != len(c.Hops) {
			return false
		}
		p.hops[t], p.old[t], p.seen[t] = unpacked[id](c.Hops), unpacked[id](c.Old), unpacked[tick](c.Seen)
		for i := 0; i < len(c.RTTs); i += 2 {
			p.rtts[t] = append(p.rtts[t], binary.LittleEndian.Uint16(c.RTTs[i:]))
		}
		for _, column := range [...][]id{p.hops[t], p.old[t]} {
			for i, h := range column {
				if int(h) >= len(fresh) {
					return false
				}
				column[i] = fresh[h]
			}
		}
		for _, h := range p.hops[t] {
			p.names.uses[h]++
		}
	}
	return true
}

// packed returns a column as octets, nil for an empty one.
func packed[T ~uint32](column []T) []byte {
	if column == nil {
		return nil
	}
	b := make([]byte, 0, 4*len(column))
	for _, v := range column {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return b
}

// unpacked returns the column that packed has packed.
func unpacked[T ~uint32](b []byte) (column []T) {
	for i := 0; i < len(b); i += 4 {
		column = append(column, T(binary.LittleEndian.Uint32(b[i:])))
	}
	return column
}

// packedAddrs returns addresses as octets.
func packedAddrs(list []probe.Addr) []byte {
	b := make([]byte, 0, len(probe.Addr{})*len(list))
	for i := range list {
		b = append(b, list[i][:]...)
	}
	return b
}

// unpackedAddrs returns the addresses that packedAddrs has packed.
func unpackedAddrs(b []byte) (list []probe.Addr) {
	for ; len(b) >= len(probe.Addr{}); b = b[len(probe.Addr{}):] {
		list = append(list, probe.Addr(b[:len(probe.Addr{})]))
	}
	return list
}
