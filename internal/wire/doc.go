// Package wire defines the layout of the packets that masstrace sends and receives. That includes
// header offsets, Internet checksums, extension headers, and the ICMP extension structure with
// its objects. It does not interpret probe identities and opens no socket.
package wire
