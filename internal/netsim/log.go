package netsim

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// Record is a probe and its fate.
type Record struct {
	Time     int64  // ns, as given to Handle
	At       int64  // ns since the first valid probe; not in the log, which has all probes
	Wait     uint32 // ns until the answer was due, 0 without one
	First    uint32 // transport octets 0 to 3: ports; ICMP type, code, checksum
	Second   uint32 // transport octets 4 to 7: UDP length, checksum; ICMP id, seq; TCP seq
	Label    uint32 // IPv6 flow label
	IPID     uint16 // IPv4 identification
	Size     uint16 // octets of the IP packet
	Protocol uint8
	TTL, TOS uint8
	Fate     Fate
	// Answer is the answer that was sent, or that would have been sent without the fate.
	Answer Answer
	// Dist is the distance of the responder: the number of routers up to it.
	Dist uint8
	// Level and Slot identify the last router that had the packet, within the destination's
	// prefix. Truth.Router converts them to its address.
	Level  uint8
	Slot   uint16
	Target bool  // the target was the last to have it
	Copies uint8 // of the answer: 0, 1, 2
	Noisy  bool  // Noise was emitted with the answer
	Noise  Noise

	src, dst addr
}

// Src returns the source address.
func (r *Record) Src() netip.Addr { return r.src.netip() }

// Dst returns the destination address.
func (r *Record) Dst() netip.Addr { return r.dst.netip() }

// Flow returns the fields that decide the packet's path.
func (r *Record) Flow() Flow {
	f := Flow{Src: r.Src(), Dst: r.Dst(), Protocol: r.Protocol, TOS: r.TOS,
		Label: r.Label, First: r.First, At: time.Duration(r.At)}
	if r.Protocol == protoICMP || r.Protocol == protoICMPv6 {
		f.ID = uint16(r.Second >> 16)
	}
	return f
}

// begin fills in the fields of the packet.
func (r *Record) begin(now int64, p *packet) {
	*r = Record{Time: now, First: p.flow.first, Label: p.flow.label, IPID: p.ipID,
		Size: uint16(len(p.raw)), Protocol: p.flow.proto, TTL: p.ttl, TOS: p.flow.tos,
		src: p.flow.src, dst: p.flow.dst}
	if len(p.l4) >= 8 {
		r.First, r.Second = binary.BigEndian.Uint32(p.l4), p.seq()
	}
}

// end fills in how far it got.
func (r *Record) end(w *way) {
	r.Dist, r.Level, r.Slot, r.Target = uint8(w.dist), w.node.level, w.node.slot, w.target
}

// A log is the line logMagic, the Config as a line of JSON, and entries. The first octet of an
// entry is its kind. Integers are big-endian.
//
//	source4/6 | address 4 or 16                      (whenever it changes)
//	probe4/6  | time 8 | wait 4 | first 4 | second 4 | TOS and label 4 | IP id 2 |
//	          | size 2 | TTL | protocol | fate | answer | distance | level |
//	          | slot | copies | address 4 or 16
//
// level: bits 0 to 2 the level, the others are bits 8 to 12 of the slot.
// copies: bits 0 and 1 copies, bit 2 target, bit 3 noisy, bits 4 to 7 the noise.
const (
	logMagic = "masstrace netsim log 1\n"

	entrySource4 = 1
	entrySource6 = 2
	entryProbe4  = 3
	entryProbe6  = 4

	fixedOctets = 1 + 8 + 4*4 + 2*2 + 8
	// LeastEntry is the least size of the entry of a probe, in octets.
	LeastEntry = fixedOctets + 4
	maxEntry   = fixedOctets + 16
)

// LogWriter writes records: 41 octets per probe in IPv4, 53 in IPv6.
type LogWriter struct {
	w        *bufio.Writer
	src4     addr
	src6     addr
	buf      [maxEntry]byte
	stickErr error
}

// NewLogWriter writes the header of a log of a network made from cfg.
func NewLogWriter(w io.Writer, cfg Config) (*LogWriter, error) {
	head, err := json.Marshal(cfg)
	if err != nil {
		return nil, fmt.Errorf("log header: %w", err)
	}
	l := &LogWriter{w: bufio.NewWriterSize(w, 256<<10)}
	l.w.WriteString(logMagic)
	l.w.Write(head)
	if err := l.w.WriteByte('\n'); err != nil {
		return nil, fmt.Errorf("write log: %w", err)
	}
	return l, nil
}

// Write appends a record. It allocates nothing. After an error it does nothing, and Flush returns
// the error.
func (l *LogWriter) Write(r *Record) {
	four := r.src.is4() || r.dst.is4()
	if src := &l.src4; four && *src != r.src {
		*src = r.src
		l.source(entrySource4, r.src)
	} else if src := &l.src6; !four && *src != r.src {
		*src = r.src
		l.source(entrySource6, r.src)
	}
	b := &l.buf
	b[0] = entryProbe6
	if four {
		b[0] = entryProbe4
	}
	binary.BigEndian.PutUint64(b[1:], uint64(r.Time))
	binary.BigEndian.PutUint32(b[9:], r.Wait)
	binary.BigEndian.PutUint32(b[13:], r.First)
	binary.BigEndian.PutUint32(b[17:], r.Second)
	binary.BigEndian.PutUint32(b[21:], uint32(r.TOS)<<24|r.Label)
	binary.BigEndian.PutUint16(b[25:], r.IPID)
	binary.BigEndian.PutUint16(b[27:], r.Size)
	b[29], b[30], b[31], b[32], b[33] = r.TTL, r.Protocol, uint8(r.Fate), uint8(r.Answer), r.Dist
	b[34] = r.Level | uint8(r.Slot>>8)<<3
	b[35] = uint8(r.Slot)
	b[36] = r.Copies | uint8(r.Noise)<<4
	if r.Target {
		b[36] |= 1 << 2
	}
	if r.Noisy {
		b[36] |= 1 << 3
	}
	r.dst.put(b[fixedOctets:])
	l.write(b[:entryLen(b[0])])
}

// entryLen returns the octets of an entry, 0 for an unknown kind.
func entryLen(kind uint8) int {
	switch kind {
	case entrySource4:
		return 1 + 4
	case entrySource6:
		return 1 + 16
	case entryProbe4:
		return fixedOctets + 4
	case entryProbe6:
		return fixedOctets + 16
	}
	return 0
}

func (l *LogWriter) source(kind uint8, a addr) {
	l.buf[0] = kind
	a.put(l.buf[1:])
	l.write(l.buf[:entryLen(kind)])
}

func (l *LogWriter) write(b []byte) {
	if l.stickErr == nil {
		_, l.stickErr = l.w.Write(b)
	}
}

// Flush writes the buffer and returns the first error of all writes.
func (l *LogWriter) Flush() error {
	if l.stickErr == nil {
		l.stickErr = l.w.Flush()
	}
	if l.stickErr != nil {
		return fmt.Errorf("write log: %w", l.stickErr)
	}
	return nil
}

// LogReader reads a log of a LogWriter.
type LogReader struct {
	r          *bufio.Reader
	cfg        Config
	src4, src6 addr
	clock      clock
	buf        [maxEntry]byte
}

// ErrNotLog is returned for a file that is not a log.
var ErrNotLog = errors.New("not a log of a simulated network")

// NewLogReader reads the header.
func NewLogReader(r io.Reader) (*LogReader, error) {
	l := &LogReader{r: bufio.NewReaderSize(r, 256<<10)}
	head := make([]byte, len(logMagic))
	if _, err := io.ReadFull(l.r, head); err != nil || string(head) != logMagic {
		return nil, ErrNotLog
	}
	line, err := l.r.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("log header: %w", ErrNotLog)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields() // another model would have another truth
	if err := d.Decode(&l.cfg); err != nil {
		return nil, fmt.Errorf("log header: %w", err)
	}
	if err := l.cfg.Validate(); err != nil {
		return nil, fmt.Errorf("log header: %w", err)
	}
	return l, nil
}

// Config returns the configuration of the network.
func (l *LogReader) Config() Config { return l.cfg }

// Next reads a record into r. It returns io.EOF at the end, and io.ErrUnexpectedEOF if the log was
// cut short.
func (l *LogReader) Next(r *Record) error {
	for {
		kind, err := l.r.ReadByte()
		if err != nil {
			return err
		}
		n := entryLen(kind)
		if n == 0 {
			return fmt.Errorf("log entry of kind %d: %w", kind, ErrNotLog)
		}
		b := l.buf[:n]
		b[0] = kind
		if _, err := io.ReadFull(l.r, b[1:]); err != nil {
			return io.ErrUnexpectedEOF
		}
		switch kind {
		case entrySource4:
			l.src4 = addr4(binary.BigEndian.Uint32(b[1:]))
		case entrySource6:
			l.src6 = addrFrom((*[16]byte)(b[1:]))
		default:
			return l.probe(r, b)
		}
	}
}

// probe decodes an entry of a probe.
func (l *LogReader) probe(r *Record, b []byte) error {
	word := binary.BigEndian.Uint32(b[21:])
	*r = Record{
		Time: int64(binary.BigEndian.Uint64(b[1:])), Wait: binary.BigEndian.Uint32(b[9:]),
		First: binary.BigEndian.Uint32(b[13:]), Second: binary.BigEndian.Uint32(b[17:]),
		Label: word & 0xfffff, TOS: uint8(word >> 24),
		IPID: binary.BigEndian.Uint16(b[25:]), Size: binary.BigEndian.Uint16(b[27:]),
		TTL: b[29], Protocol: b[30], Fate: Fate(b[31]), Answer: Answer(b[32]), Dist: b[33],
		Level: b[34] & 7, Slot: uint16(b[34]>>3)<<8 | uint16(b[35]), Copies: b[36] & 3, Target: b[36]&4 != 0,
		Noisy: b[36]&8 != 0, Noise: Noise(b[36] >> 4),
	}
	if r.Fate >= numFates || r.Answer >= numAnswers || r.Level >= levels || r.Slot >= firstWide+maxWideSlots {
		return fmt.Errorf("log entry: %w", ErrNotLog)
	}
	r.At = l.clock.at(r.Time, r.Fate)
	if b[0] == entryProbe4 {
		r.src, r.dst = l.src4, addr4(binary.BigEndian.Uint32(b[fixedOctets:]))
	} else {
		r.src, r.dst = l.src6, addrFrom((*[16]byte)(b[fixedOctets:]))
	}
	return nil
}
