package session

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/masstrace/masstrace/internal/link"
)

// Strays finds the targets of a list that do not leave by its paths. It belongs to one goroutine.
type Strays struct{ ways map[bool]stray }

// stray is the way of a family, by whether it is IPv4, and the targets that do not take it.
type stray struct {
	link.Way
	*link.Strays
}

// Strays returns a finder for the targets that do not leave by l, or nil if the user has chosen the
// interface.
func (l *Paths) Strays(ctx context.Context, c Config) (*Strays, error) {
	if c.Interface != "" {
		return nil, nil
	}
	s := &Strays{ways: map[bool]stray{}}
	for _, way := range l.ways {
		strays, err := link.NewStrays(ctx, way)
		if err != nil {
			s.Close()
			return nil, err
		}
		s.ways[way.Path.Source.Is4()] = stray{way, strays}
	}
	return s, nil
}

// Check returns an error if a target leaves in another way than the list. A nil Strays finds none.
func (s *Strays) Check(target netip.Addr) error {
	if s == nil {
		return nil
	}
	way, ok := s.ways[target.Is4()]
	if !ok {
		return nil
	}
	switch other, err := way.Other(target); {
	case err != nil:
		return err
	case other != "":
		return leavesBy(target, way.String(), other)
	}
	return nil
}

// leavesBy returns the error for a target of a list.
func leavesBy(target netip.Addr, way, other string) error {
	return fmt.Errorf("the list leaves by %s, and %v does not: %s. Send these probes in a list of their own, or choose the interface for all", way, target, other)
}

// Elsewhere returns the error for a target of a family that leaves by another link than l.
func (l *Paths) Elsewhere(target netip.Addr, other string) error {
	return leavesBy(target, l.ways[0].String(), other)
}

// Close closes all connections to the kernel.
func (s *Strays) Close() {
	if s == nil {
		return
	}
	for _, way := range s.ways {
		way.Strays.Close()
	}
}
