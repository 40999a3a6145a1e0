package annotate

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/masstrace/masstrace/internal/mrt"
)

// rib is a routing table that is read.
type rib struct {
	prefixes
	entries map[string]*entry // by the octets of the origins
	key     []byte
	peers   []uint32 // the origins of the prefix that is read, of each peer
	origins []origin // likewise, counted
}

// origin is an origin of a prefix, and the number of peers that have it.
type origin struct {
	asn   uint32
	peers int
}

// readMRT reads a routing table. The origins of a prefix are those of all peers, the one of most
// peers first. Default routes are no origins of anything, and left out.
func readMRT(in *bufio.Reader) (*content, error) {
	r, reader, time := &rib{entries: map[string]*entry{}}, mrt.NewReader(in), int64(0)
	for {
		route, err := reader.Next()
		switch {
		case err == io.EOF && r.table.Size() == 0:
			return nil, errors.New("an MRT file without a routing table of unicast prefixes")
		case err == io.EOF:
			return &content{kind: kindMRT, fields: Origin, time: time, finder: &r.prefixes}, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return nil, fmt.Errorf("%w: it is cut: its end is missing", err)
		case err != nil:
			return nil, err
		}
		time = cmp.Or(time, reader.Time())
		if err := r.route(route); err != nil {
			return nil, fmt.Errorf("%v: %w", route.Prefix, err)
		}
	}
}

// route takes the routes to a prefix.
func (r *rib) route(route mrt.Route) error {
	r.peers, r.origins = route.AppendOrigins(r.peers[:0]), r.origins[:0]
	for _, asn := range r.peers {
		i := slices.IndexFunc(r.origins, func(o origin) bool { return o.asn == asn })
		if i < 0 {
			i = len(r.origins)
			r.origins = append(r.origins, origin{asn: asn})
		}
		r.origins[i].peers++
	}
	switch {
	case route.Prefix.Bits() == 0 || len(r.origins) == 0:
		return nil
	case len(r.origins) > mostOrigins:
		return fmt.Errorf("a prefix with more than %d origins", mostOrigins)
	}
	return r.add(route.Prefix, r.shared())
}

// shared returns the entry of the origins of a prefix.
func (r *rib) shared() *entry {
	slices.SortFunc(r.origins, func(a, b origin) int { return cmp.Or(b.peers-a.peers, cmp.Compare(a.asn, b.asn)) })
	r.key = r.key[:0]
	for _, o := range r.origins {
		r.key = binary.BigEndian.AppendUint32(r.key, o.asn)
	}
	e := r.entries[string(r.key)]
	if e == nil {
		e = new(entry)
		for _, o := range r.origins {
			e.asn = append(e.asn, o.asn)
		}
		r.entries[string(r.key)] = e
	}
	return e
}
