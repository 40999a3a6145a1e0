// Package tracelb holds scamper's object of all paths to a target. Warts and the JSON of scamper
// have it. The package makes it of a multipath record, and makes a record of it.
//
// An object has nodes, which are addresses, and links between them. A link may have several hops:
// those between its nodes did not all answer, or are not told apart. Each hop has the probes of
// some flows, with their answers. TTLs are those of the probes.
//
// The record has TTLs instead, and one node for each address at each TTL. It counts flows, and
// the object names them. So an object that is made of a record has numbers of flows that fit the
// counts.
package tracelb

import (
	"errors"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// Object is all paths to a target. Fields that a file lacks are zero.
type Object struct {
	Source, Target probe.Addr
	Method         probe.Method
	Start          int64 // ns since the Unix epoch
	FirstHop       uint8 // TTL of the first node
	Confidence     uint8 // %, that no branch was missed
	Probes         int   // sent
	Nodes          []probe.Addr
	Links          []Link
}

// None is the index of a node that there is not.
const None = -1

// Link leads from a node to another.
type Link struct {
	From, To int       // places of nodes in the list; To is None if nothing answered
	Hops     [][]Probe // the last one is that of To
}

// Probe is a probe of a hop, and the source of the answer. The zero address is silence.
type Probe struct {
	Flow uint16
	TTL  uint8
	Sent int64 // ns since the Unix epoch; 0 if it is not known
	From probe.Addr
}

// MostProbes is the largest number of probes in an object that is believed. scamper sends 3,000
// at most, unless it is told otherwise.
const MostProbes = 1 << 18

// ErrProbes is the error about an object with more.
var ErrProbes = errors.New("has too many probes")

// Most is the largest number of nodes, of links, and of probes in a hop.
const Most = 1<<16 - 1

// MostHops is the largest number of hops of a link.
const MostHops = 1<<8 - 1

// Out returns the number of links that leave each node.
func (o *Object) Out() []int {
	out := make([]int, len(o.Nodes))
	for i := range o.Links {
		out[o.Links[i].From]++
	}
	return out
}

// Numbers are scamper's numbers of the methods, by the field that tells flows apart: source port,
// or ICMP checksum.
var Numbers = [...]byte{probe.UDP: 3, probe.ICMP: 2, probe.TCPSYN: 4, probe.TCPACK: 5}

// names are the names of these numbers. The first one varies the destination port.
var names = [...]string{1: "udp-dport", 2: "icmp-echo", 3: "udp-sport", 4: "tcp-sport", 5: "tcp-ack-sport"}

// methods are the methods of the numbers.
var methods = [...]probe.Method{1: probe.UDP, 2: probe.ICMP, 3: probe.UDP, 4: probe.TCPSYN, 5: probe.TCPACK}

// MethodOf returns the method of a number; ok is false if it is not known.
func MethodOf(number byte) (m probe.Method, ok bool) {
	if number == 0 || int(number) >= len(methods) {
		return 0, false
	}
	return methods[number], true
}

// MethodNamed is MethodOf for the name of a number.
func MethodNamed(name string) (m probe.Method, ok bool) {
	for i := 1; i < len(names); i++ {
		if names[i] == name {
			return methods[i], true
		}
	}
	return 0, false
}

// NameOf returns the name of a method, "" if it has none.
func NameOf(m probe.Method) string {
	if int(m) < len(Numbers) {
		return names[Numbers[m]]
	}
	return ""
}

// Reply is the type of an answer: ICMP type and code, or a TCP segment.
type Reply struct {
	Type, Code uint8
	TCP        bool
}

// The codes of port unreachable.
const (
	portUnreachable4 = 3
	portUnreachable6 = 4
)

// Reply returns the usual type of the answers from an address. Records have none, and some
// readers distinguish routers from targets by it.
func (o *Object) Reply(from probe.Addr) Reply {
	is4 := o.Target.Is4()
	switch {
	case from != o.Target && is4:
		return Reply{Type: wire.ICMPv4TimeExceeded}
	case from != o.Target:
		return Reply{Type: wire.ICMPv6TimeExceeded}
	case o.Method == probe.TCPSYN || o.Method == probe.TCPACK:
		return Reply{TCP: true}
	case o.Method == probe.ICMP && is4:
		return Reply{Type: wire.ICMPv4EchoReply}
	case o.Method == probe.ICMP:
		return Reply{Type: wire.ICMPv6EchoReply}
	case is4:
		return Reply{Type: wire.ICMPv4Unreachable, Code: portUnreachable4}
	}
	return Reply{Type: wire.ICMPv6Unreachable, Code: portUnreachable6}
}

// Echo reports whether the answer is an echo reply, which does not quote the probe.
func (r Reply) Echo() bool {
	return !r.TCP && (r.Type == wire.ICMPv4EchoReply || r.Type == wire.ICMPv6EchoReply)
}
