package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"

	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// writeSparse writes n hosts in random /24s. It uses one /8 for each 40,000 of them.
func writeSparse(path string, seed uint64, n int) error {
	rng := rand.New(rand.NewPCG(seed, 1))
	room := (n/40_000 + 1) << 16
	return writeTargets(path, n, rng, func(int) int { return rng.IntN(room) })
}

// writeDense writes a host in each of n adjacent /24s.
func writeDense(path string, seed uint64, n int) error {
	return writeTargets(path, n, rand.New(rand.NewPCG(seed, 2)), func(i int) int { return i })
}

// writeTargets writes hosts of different /24s, counted from 45.0.0.0.
func writeTargets(path string, n int, rng *rand.Rand, prefix func(i int) int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for seen := make(map[int]bool, n); len(seen) < n; {
		p := prefix(len(seen))
		if !seen[p] {
			seen[p] = true
			fmt.Fprintf(w, "%d.%d.%d.%d\n", 45+p>>16, p>>8&255, p&255, 1+rng.IntN(254))
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

// eachRecord calls f for the records of a file of masstrace or scamper.
func eachRecord(path string, f func(record.Record)) error {
	r, err := all.Open(path, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		rec, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		f(rec)
	}
}

// readRecords counts the hops and interfaces in traces.
func readRecords(path string) (f found, err error) {
	const timeExceeded = 11
	interfaces := map[netip.Addr]bool{}
	seen := map[netip.Addr]uint8{} // first TTL of each address in a trace
	f.hops, f.probed = map[hop]bool{}, map[netip.Addr]uint8{}
	err = eachRecord(path, func(r record.Record) {
		t, ok := r.(*record.Trace)
		if !ok {
			return
		}
		clear(seen)
		f.probed[t.Target.Netip()] = t.End
		for i := range t.Hops {
			h := &t.Hops[i]
			if h.Protocol != probe.ProtoICMP || h.Type != timeExceeded || h.Responder == t.Target {
				continue
			}
			addr := h.Responder.Netip()
			interfaces[addr] = true
			if seen[addr] == 0 {
				seen[addr] = h.TTL
			}
			if seen[addr] == h.TTL { // otherwise a routing loop
				f.hops[hop{t.Target.Netip(), h.TTL}] = true
			}
		}
	})
	f.interfaces = float64(len(interfaces))
	return f, err
}

// A record of FlashRoute's output, in octets, little-endian: destination and responder (16 each,
// the lowest octet first), RTT (4), distance, from the destination, is IPv4.
const (
	flashRecord    = 39
	flashResponder = 16
	flashFromDst   = 37
)

// readFlashRoute counts the interfaces of routers.
func readFlashRoute(path string) (f found, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	interfaces := map[uint32]bool{}
	for ; len(b) >= flashRecord; b = b[flashRecord:] {
		if b[flashFromDst] == 0 {
			interfaces[binary.LittleEndian.Uint32(b[flashResponder:])] = true
		}
	}
	f.interfaces = float64(len(interfaces))
	return f, nil
}
