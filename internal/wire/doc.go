// Package wire knows where things stand in the packets that masstrace sends
// and receives: header offsets, Internet checksums, extension headers, and the
// ICMP extension structure with its objects. It knows no probe identity and
// opens no socket.
package wire
