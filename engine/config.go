package engine

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Config is a scan as the user asked for it. Zero values of what can be found
// out, or chosen, are found out or chosen.
type Config struct {
	// Targets and Exclude are files, "-", or addresses, prefixes and ranges.
	Targets, Exclude []string
	AllowReserved    bool
	// Reread asks to read what Exclude names again; nil never does.
	Reread        <-chan os.Signal
	PerPrefix     uint64
	Granularity4  int
	Granularity6  int
	Shard, Shards uint64
	MaxTargets    uint64
	MaxRuntime    time.Duration

	// Probes is a file of single probes, or -, to be sent instead of Targets.
	Probes string

	// Seed is any text; Key is 32 hexadecimal digits. Empty ones are random.
	Seed, Key string

	Method         probe.Method
	MinTTL, MaxTTL uint8
	DstPort        uint16
	TOS            uint8
	Flows          int
	Attempts       int
	// Strategy is one of the constants of that kind; empty is Complete. GapLimit
	// and Overlap are its parameters, 0 for its defaults; NoStop is one of Exhaustive.
	Strategy          string
	GapLimit, Overlap int
	NoStop            bool
	// Stitch has Topology complete its traces by what others know.
	Stitch bool
	// PerHopRate and PrefixRate are how many probes a second one router near us has to
	// answer, and one prefix of targets gets; 0 is no limit.
	PerHopRate, PrefixRate float64

	RatePPS   float64 // 0 is unlimited
	AutoRate  bool    // find a rate, of RatePPS at most
	Bandwidth float64 // bit/s on the wire; if not 0, it sets the rate
	Burst     int
	Wait      time.Duration
	Memory    uint64 // octets, for all live windows

	Interface         string
	Sources           []netip.Addr // at most one of each family
	GatewayMAC        net.HardwareAddr
	PortLow, PortHigh uint16
	ReceiveBuffer     int  // octets for replies that wait to be read; 0 is the default
	IO                IO   // PacketIO if empty
	Queue             bool // send through the queueing discipline
	Senders           int  // threads that send, 1 if 0

	Output  string // file, or - for Stdout
	Records record.Kinds
	Capture string // file for a copy of all packets; empty for none
	// Checkpoint is a file that says, from window to window, how far the scan
	// has come; Resume is one to go on from, and to keep. At most one is given.
	Checkpoint, Resume string
	Quiet              bool

	Privileges Privileges // once everything is open

	// Inspect, unless it is nil, asks the run to say what it holds.
	Inspect <-chan os.Signal

	Argv    []string // for the run record
	Version string
	Streams
}

// IO is a way of sending frames.
type IO string

// The ways of sending.
const (
	PacketIO IO = "packet" // AF_PACKET
	XDPIO    IO = "xdp"    // AF_XDP
)

// Streams are the standard streams of the command.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Terminal       bool // Stderr is one
	// Summarize writes a summary for people to Stderr; nil: none is written.
	Summarize func(io.Writer, *record.Summary) error
}

// randomHex returns n random octets in hexadecimal.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// seedOf turns the text of --seed into 128 bits.
func seedOf(text string) (seed [16]byte) {
	sum := sha256.Sum256([]byte(text))
	return [16]byte(sum[:16])
}

// keyOf reads the text of --key.
func keyOf(text string) (key [16]byte, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(key) {
		return key, usage("--key takes 32 hexadecimal digits")
	}
	return [16]byte(b), nil
}

// keyID tells two keys apart and gives neither away.
func keyID(key [16]byte) string {
	sum := sha256.Sum256(append([]byte("masstrace key id "), key[:]...))
	return hex.EncodeToString(sum[:8])
}
