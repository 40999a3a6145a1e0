// Package plan turns a request into the plan of a run, without using the network. The plan
// has the targets and their order, the rate, and the size of windows. Params is the plain
// data that results; it is in the run record, in the header of captures and in checkpoints.
package plan

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/intake"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Config is the part of a request that decides which probes are made, and which records are
// written. Zero values are found or chosen automatically, if possible.
type Config struct {
	// Targets and Exclude are files, "-" for Stdin, or addresses, prefixes and ranges. Targets
	// may be names, if there is a Resolver; see package intake.
	Targets, Exclude []string
	Resolver         intake.Resolver
	Column           string   // of Targets that are CSV files
	FromResults      []string // files whose targets are taken, if Where holds for their traces
	Where            []string
	Family           intake.Family // of all targets
	HostRule         string        // see target.ParseHostRule
	Stdin            io.Reader
	AllowReserved    bool
	PerPrefix        uint64
	Granularity4     int
	Granularity6     int
	Shard, Shards    uint64
	MaxTargets       uint64

	// Seed is any text; Key is 32 hexadecimal digits. Empty ones are random.
	Seed, Key string

	Method          probe.Method
	MinTTL, MaxTTL  uint8
	DstPort         uint16
	TOS             uint8
	Flows           int
	Attempts        int
	record.Strategy      // its empty name is complete; zero parameters are its defaults
	NoStop          bool // exhaustive goes on beyond the distance of a target
	// PerHopRate limits the probes that one nearby router must answer, and PrefixRate
	// limits those to one prefix of targets. Both are in probes per second; 0 is no limit.
	PerHopRate, PrefixRate float64

	RatePPS   float64 // 0 is unlimited
	AutoRate  bool    // find a rate, of RatePPS at most
	Bandwidth float64 // bit/s on the wire; if not 0, it sets the rate
	Burst     int
	Wait      time.Duration
	Memory    uint64 // bytes, for all live windows
	Senders   int    // threads that send, 1 if 0

	Sources           []netip.Addr // at most one of each family
	PortLow, PortHigh uint16

	Records record.Kinds
	// Packing is how the output is compressed, and Format its format, "" for NDJSON. A resumed
	// run must keep them.
	Packing, Format string
	// ReplyPacking and MetaPacking are those of separate files of replies and meta records:
	// "plain", gz or zst; "" if there is no such file.
	ReplyPacking, MetaPacking string

	// Learned, unless it is nil, keeps what strategies learn, from one run of a request to the next.
	Learned *Learned

	// Warn, unless it is nil, receives warnings about the lists.
	Warn func(text string)
}

// RandomHex returns n random bytes in hexadecimal.
func RandomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// RunID names a run: when it began, and something random.
func RunID(start time.Time) string {
	return start.UTC().Format("20060102T150405Z") + "-" + RandomHex(4)
}

// SeedOf turns the text of a seed into 128 bits.
func SeedOf(text string) (seed [16]byte) {
	sum := sha256.Sum256([]byte(text))
	return [16]byte(sum[:16])
}

// KeyOf reads the text of a key.
func KeyOf(text string) (key [16]byte, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(key) {
		return key, Refuse("Key", "the key must have 32 hexadecimal digits")
	}
	return [16]byte(b), nil
}

// KeyID identifies a key without revealing it.
func KeyID(key [16]byte) string {
	sum := sha256.Sum256(append([]byte("masstrace key id "), key[:]...))
	return hex.EncodeToString(sum[:8])
}
