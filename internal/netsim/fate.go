package netsim

import "fmt"

// Answer is the answer to a probe if nothing suppresses it.
type Answer uint8

// The answers. NoAnswer is for packets that get none, such as a RST.
const (
	NoAnswer Answer = iota
	TimeExceeded
	NetUnreach
	HostUnreach
	Prohibited
	PortUnreach
	EchoReply
	SYNACK
	RST
	ChallengeACK
	UDPReply
	numAnswers
)

var answerNames = [numAnswers]string{"none", "time-exceeded", "net-unreach", "host-unreach",
	"prohibited", "port-unreach", "echo-reply", "syn-ack", "rst", "challenge-ack", "udp-reply"}

// String returns the name used in reports.
func (a Answer) String() string {
	if a < numAnswers {
		return answerNames[a]
	}
	return fmt.Sprintf("answer(%d)", uint8(a))
}

// IsError reports whether the answer is an ICMP error, which quotes the probe.
func (a Answer) IsError() bool { return a >= TimeExceeded && a <= PortUnreach }

// Fate is the fate of a probe: answered, or the cause of silence.
type Fate uint8

// The fates. Those from Malformed on are of packets that are not valid probes. They never have an
// answer.
const (
	Answered       Fate = iota
	LostForward         // on the way there
	LostReply           // on the way back
	RouterLimited       // the router's token bucket was empty
	HostLimited         // the target's token bucket was empty
	SilentRouter        // never answers
	DeadHost            // no host has the address
	FilteredHost        // the target ignores the protocol
	SilentFirewall      // a router drops the protocol
	BlackHole           // a router has lost the route
	Taken               // arrived, rightly without an answer: a RST, a handshake's last ACK

	Malformed        // lengths or versions that contradict each other
	BadIPChecksum    // IPv4
	BadChecksum      // UDP, TCP, ICMP; none in IPv6
	HopLimitZero     // hosts must not send it
	UnknownProtocol  // neither UDP, TCP nor ICMP of the family
	Fragment         // cannot be judged alone
	MartianAddress   // source or destination that no router forwards
	ICMPErrorIgnored // an ICMP error or IPv6 control message, never answered
	TooLong          // more than 1500 octets
	numFates
)

var fateNames = [numFates]string{"answered", "lost-forward", "lost-reply", "router-limited",
	"host-limited", "silent-router", "dead-host", "filtered-host", "silent-firewall",
	"black-hole", "taken", "malformed", "bad-ip-checksum", "bad-checksum", "hop-limit-zero",
	"unknown-protocol", "fragment", "martian-address", "icmp-error-ignored", "too-long"}

// String returns the name used in reports.
func (f Fate) String() string {
	if f < numFates {
		return fateNames[f]
	}
	return fmt.Sprintf("fate(%d)", uint8(f))
}

// Valid reports whether the packet was a valid probe.
func (f Fate) Valid() bool { return f < Malformed }

// Random reports whether chance or the state of a bucket decided. An identical packet might have
// had another fate.
func (f Fate) Random() bool { return f >= LostForward && f <= HostLimited }

// Counters counts packets. Received = sum of Fates; Fates[Answered] = sum of Answers.
type Counters struct {
	Received   uint64
	Fates      [numFates]uint64   // by Fate
	Answers    [numAnswers]uint64 // emitted, by Answer; without duplicates
	Duplicates uint64             // second copies emitted
	Noise      [numNoises]uint64  // emitted, by Noise
	Attacks    [numAttacks]uint64 // emitted, by Attack
	// Mangled counts answers whose quotation a box had rewritten.
	Mangled uint64
	// Evicted counts token buckets and half-open connections that were dropped for lack of room
	// while they were still needed.
	EvictedBuckets, EvictedHalfOpen uint64
	// Spared counts probes whose path was not attacked with guesses, for lack of room.
	Spared uint64
}

// Emitted returns how many packets were emitted.
func (c *Counters) Emitted() uint64 {
	n := c.Fates[Answered] + c.Duplicates
	for _, k := range c.Noise {
		n += k
	}
	for _, k := range c.Attacks {
		n += k
	}
	return n
}

// Each calls f for every counter that is not zero, with the name used in reports.
func (c *Counters) Each(f func(name string, n uint64)) {
	call := func(name string, n uint64) {
		if n != 0 {
			f(name, n)
		}
	}
	call("received", c.Received)
	for i, n := range c.Fates {
		call("fate "+Fate(i).String(), n)
	}
	for i, n := range c.Answers {
		call("answer "+Answer(i).String(), n)
	}
	call("mangled", c.Mangled)
	call("duplicates", c.Duplicates)
	for i, n := range c.Noise {
		call("noise "+Noise(i).String(), n)
	}
	for i, n := range c.Attacks {
		call("attack "+Attack(i).String(), n)
	}
	call("evicted buckets", c.EvictedBuckets)
	call("evicted half-open", c.EvictedHalfOpen)
	call("spared by attackers", c.Spared)
}
