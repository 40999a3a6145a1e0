// Package netsim is a simulated Internet whose truth is known. A packet goes
// in, the packets that a real network would send back come out, and the same
// code says offline what had to come out. It imports nothing of masstrace: it
// parses, sums and judges by its own short code, so that it is a witness.
//
// # The model
//
// Everything that lasts is a hash of (seed, place); nothing is stored per
// target. A path is six segments of routers and then the target. Segment k
// belongs to a prefix: none, /8, /12, /16, /20, /24 in IPv4 and none, /16,
// /24, /32, /40, /48 in IPv6; so the first routers are shared by all targets,
// and two targets share their path for as long as they share a prefix, as in
// routing. A segment is some routers in a row and, maybe, a diamond:
//
//	before ── balancer ──┬── branch 0: 1 to 3 routers ──┬── at least 2 routers
//	                     └── branch w−1 ────────────────┘
//
// The balancer hashes the flow, or the destination, or chooses for each packet.
// What it hashes of a flow: addresses, protocol, the first four octets of the
// transport header, for ICMP echo the identifier too; some balancers also the
// TOS and the IPv6 flow label.
//
// Every router answers from one address, which encodes its place (addr.go), so
// that no two routers share one and an address can be mapped back. The ranges
// 6, 7, 11, 21, 22, 26, 28, 29, 30, 33, 55, 214 and 215/8 and 3ffe::/16, which
// look public and carry no targets, are the simulator's; a probe to them has no
// route.
//
// A /24 (/48) may have no route (an unreachable, a loop of two routers, a black
// hole, at the end of one of the segments), a firewall, and a box that rewrites
// what routers behind it see and quote. A target is a hash of its address: it
// may be dead, filter a protocol, limit its unreachables.
//
// What does not last (loss, jitter, duplicates, noise, per-packet balancers) is
// a hash of (seed, number of the packet): the same packets in the same order
// get the same answers.
//
// # Memory
//
// Two arrays of fixed size hold what real boxes remember: token buckets
// (limit.go) and half-open connections (tcp.go); what they lose for lack of room
// is counted. A [Queue] keeps packets under way for a caller's pump, up to a
// limit; what does not fit is counted too.
//
// # Judging
//
// A probe with a wrong length or a wrong IP, UDP, TCP or ICMP checksum gets no
// answer at any TTL and is counted: stricter than a router, as strict as a host.
//
// # Use
//
// New makes a [Sim]; [Sim.Handle] judges one packet. [NewTruth] answers what is
// true of a [Flow]; [LogWriter] and [LogReader] keep what was asked and what was
// answered. Nothing here is safe for concurrent use, except that a Truth only
// reads.
package netsim
