// Package warts reads and writes warts, the binary format of scamper.
//
// A file is a sequence of objects. All numbers are in network byte order. Each object has a header
// of 8 octets:
//
//	0       2      4        8
//	| magic | type | length | content …
//
// The magic number is 0x1205, and length counts the octets of the content. Readers pass over
// objects of other types. The types here are:
//
//	1  list              a list of targets, with an identifier for other objects
//	2  cycle start       the begin of a pass over a list
//	3  cycle definition  likewise; the start itself is in another file
//	4  cycle stop        the end of a pass
//	5  address           in old files, for references from anywhere in the file
//	6  trace
//	8  tracelb           all paths to a target
//
// # Parameters
//
// Optional fields of an object are parameters, numbered from 1. Seven bits of each flag octet,
// the lowest first, state which of seven parameters are there. The highest bit is set if another
// flag octet follows. If any flag is set, the length of all parameters follows (2 octets), then
// the parameters in the order of their numbers:
//
//	| flags … | length | parameters …
//
// A reader finds the end by the length, so it can pass over parameters that it does not know.
// It reads none after the first of those, since their lengths are not stated.
//
// # Addresses
//
// The addresses of one object are numbered from 0 in the order of their first use. The first use
// has the address itself. Further uses have its number after an octet of 0:
//
//	| length > 0 | kind | address …      kind 1: IPv4, 2: IPv6
//	| 0 | number (4 octets)
//
// Old files have references to address objects instead, as parameters of 4 octets. Those are
// numbered from 1 over the whole file.
//
// # Lists and cycles
//
// Lists and cycles have numbers, counted from 1, for references from other objects. A reference
// of 0 refers to nothing. Texts end with an octet of 0.
//
// A list has its number, a number that people chose, its name, and parameters. Parameter 1 is a
// description, 2 is the name of the vantage point.
//
// A cycle start or definition has its number, that of its list, one that people chose, its start
// time, and parameters. Such a time is in s since the Unix epoch, in 4 octets. Parameter 1 is the stop time, 2 is the
// name of the vantage point. A cycle stop has the number of the cycle, the stop time, and
// parameters. There are none so far.
//
// # Traces
//
// A trace has parameters, then the number of its hops (2 octets), the hops, and attributes. The
// constants that begin with trace list the parameters. A hop consists of parameters only: see the
// constants that begin with hop.
//
// An attribute begins with 2 octets: 4 bits of type, 12 bits of length. Type 1 is path MTU
// discovery, 2 is probes with the largest TTL after a gap, 3 is doubletree. An attribute of type
// and length 0 ends the trace.
//
// # All paths to a target
//
// A tracelb has parameters, then its nodes, then its links. The parameters have the numbers of both.
// A node consists of parameters. A link has parameters, then its hops. A hop has parameters, then
// its probes. A probe has parameters, then the replies to it. See the constants that begin with lb.
//
// Times are seconds and microseconds, 4 octets each; a round-trip time is 4 octets, in
// microseconds. The objects of an ICMP extension structure (RFC 4884) are in one parameter, without
// the header of the structure. It begins with the length of all of them. The length of one
// counts its payload only:
//
//	| length of all (2) | { length (2) | class (1) | c-type (1) | payload … } …
package warts
