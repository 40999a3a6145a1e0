// Package netsim is a simulated Internet with a known ground truth. Its input is a packet. Its
// output is the packets that a real network would send back. The same code computes offline which
// packets had to come back. It imports nothing of masstrace: it has its own short code to parse,
// sum and check packets, so that it is an independent witness.
//
// # The model
//
// All permanent properties are a hash of (seed, place); nothing is stored per target. A path is six
// segments of routers and then the target. Segment k belongs to a prefix: none, /8, /12, /16, /20,
// /24 in IPv4 and none, /16, /24, /32, /40, /48 in IPv6. So all targets share the first routers,
// and two targets share their path as long as they share a prefix, as in real routing. A segment is
// a row of routers and may contain a diamond:
//
//	before ── balancer ──┬── branch 0: 1 to 3 routers ──┬── at least 2 routers
//	                     └── branch w−1 ────────────────┘
//
// The balancer hashes the flow, or the destination, or chooses for each packet. The hash of a flow
// covers addresses, protocol, the first four octets of the transport header, and for ICMP echo the
// identifier. Some balancers also hash the TOS and the IPv6 flow label, others hash addresses only,
// ports only, or the flow label only. The branches of a balancer may have different shares.
//
// With options for nested, meshed or wide diamonds, most diamonds are fabrics (fabric.go): layers
// of up to 100 routers. Each router may be a balancer of its own.
//
// At a moment of the run, some balancers may begin to hash differently, and some routes may change
// (reroute.go). So a path is a function of target, flow and time. A moment is counted from the
// first valid probe, which is in the log.
//
// Every router answers from one address, which encodes its place (addr.go). So no two routers
// share one, and an address can be mapped back. The simulator uses the ranges 6, 7, 11, 21, 22,
// 26, 28, 29, 30, 33, 55, 214 and 215/8 and 3ffe::/16. They look public and contain no targets. A
// probe to them has no route.
//
// A /24 (/48) may have no route. At the end of one of the segments there is then an unreachable,
// a loop of two routers, or a black hole. The prefix may have a firewall. It may have a box that
// rewrites the packets that later routers receive and quote. A target is a hash of its address:
// it may be dead, filter a protocol, or limit its unreachables.
//
// Random events (loss, jitter, duplicates, noise, per-packet balancers) are a hash of (seed, number
// of the packet). So the same packets in the same order get the same answers.
//
// A network may have several vantage points (vantage.go). The source of a packet decides which one
// it is of. So a path is a function of source, target, flow and time.
//
// # Memory
//
// Two arrays of fixed size hold the state that real devices remember: token buckets (limit.go) and
// half-open connections (tcp.go). State that is lost for lack of room is counted. A [Queue] holds
// packets in flight for a caller's pump, up to a limit. Packets without room are counted too.
//
// # Judging
//
// A probe with a wrong length or a wrong IP, UDP, TCP or ICMP checksum gets no answer at any TTL
// and is counted. That is stricter than a router, and as strict as a host.
//
// # Use
//
// New makes a [Sim]; [Sim.Handle] judges one packet. [NewTruth] returns the truth about each
// [Flow]; [Truth.Graph] has all paths to a target, with the branches of each balancer. [LogWriter]
// and [LogReader] write and read the probes and their answers. Nothing here is safe for concurrent
// use, except that a Truth only reads.
package netsim
