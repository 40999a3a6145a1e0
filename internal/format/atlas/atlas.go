// Package atlas reads and writes the traceroute results of RIPE Atlas: JSON objects, one per line
// or in one array. The fields are those of firmware 4610, 5000 and later.
package atlas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"

	"github.com/masstrace/masstrace/internal/format"
)

// Format is the JSON of results. The writer writes one per line.
var Format = format.Format{
	Name:      "atlas",
	Endings:   []string{".atlas.json"},
	Begins:    begins,
	NewReader: func(in io.Reader) format.Reader { return NewReader(in) },
	NewWriter: func(o format.Output) format.Writer { return NewWriter(o) },
	Lacks: []string{
		format.LacksMultipath,
		"replies", "the run and its summary", "stop reasons", "loops", "contested and limited TTLs", "NAT",
		"distances", "inferred hops", "ports and flow labels", "kinds of TCP probes", "times of probes",
		"times of replies", "round-trip times below 1 µs", "IP identifications", "sizes of quoted packets",
		"types of messages other than unreachable ones", "proofs and kinds of replies", "rewritten fields",
		"extensions other than MPLS labels",
		format.LacksAnnotations,
	},
}

func begins(head []byte) bool {
	head = bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff")))
	if !bytes.HasPrefix(head, []byte("{")) && !bytes.HasPrefix(head, []byte("[")) {
		return false
	}
	return bytes.Contains(head, []byte(`"prb_id"`)) || bytes.Contains(head, []byte(`"dst_addr"`)) || bytes.Contains(head, []byte(`"dst_name"`))
}

// result is one traceroute. Fields that are not read: dst_name, endtime, lts, msm_id, prb_id and
// other names of the measurement, from (the address that the controller sees), ttr.
type result struct {
	Type      string     `json:"type"`
	DstAddr   netip.Addr `json:"dst_addr"`
	SrcAddr   netip.Addr `json:"src_addr"`
	Proto     string     `json:"proto"` // UDP, ICMP or TCP
	Size      int        `json:"size"`  // of probes, without the headers
	TOS       uint8      `json:"tos"`
	ParisID   int        `json:"paris_id"` // 0: every probe is another flow
	Timestamp int64      `json:"timestamp"`
	Result    []hop      `json:"result"`
}

// hop has the packets of a TTL. error is set if no probe could be sent.
type hop struct {
	Hop    int      `json:"hop"`
	Error  string   `json:"error"`
	Result []packet `json:"result"`
}

// packet is a reply, or x, silence, or an error of the host that sends.
type packet struct {
	X     string     `json:"x"`
	Error string     `json:"error"`
	Late  *int       `json:"late"` // how many probes ago was the one that it answers
	Dup   present    `json:"dup"`
	From  netip.Addr `json:"from"`
	RTT   *float64   `json:"rtt"`  // ms; not of late ones
	Size  int        `json:"size"` // octets after the ICMP or TCP header
	TTL   uint8      `json:"ttl"`
	TOS   uint8      `json:"tos"`
	Err   code       `json:"err"`
	ITTL  *uint8     `json:"ittl"` // quoted TTL, if it is not 1
	ITOS  uint8      `json:"itos"` // quoted TOS
	MTU   *uint32    `json:"mtu"`
	Flags *string    `json:"flags"` // of TCP
	Ext   *extension `json:"icmpext"`
}

// extension is an ICMP extension structure (RFC 4884), and rfc4884 whether its place was stated.
type extension struct {
	Version int      `json:"version"`
	Objects []object `json:"obj"`
}

// object is an object of an extension structure. The payloads of other objects than MPLS are not
// in results.
type object struct {
	Class uint8   `json:"class"`
	Type  uint8   `json:"type"`
	MPLS  []label `json:"mpls"`
}

// label is an entry of a label stack (RFC 4950 §3).
type label struct {
	Label uint32 `json:"label"`
	EXP   uint8  `json:"exp"`
	S     uint8  `json:"s"`
	TTL   uint8  `json:"ttl"`
}

// present reports that a field is there, with any value.
type present bool

// UnmarshalJSON implements json.Unmarshaler.
func (p *present) UnmarshalJSON([]byte) error {
	*p = true
	return nil
}

// code is the code of an ICMP unreachable message: a letter for those that have one, else the
// number. It is "" if there is none.
type code string

// UnmarshalJSON implements json.Unmarshaler.
func (c *code) UnmarshalJSON(text []byte) error {
	var s string
	if json.Unmarshal(text, &s) == nil {
		*c = code(s)
		return nil
	}
	var n uint8
	if err := json.Unmarshal(text, &n); err != nil {
		return fmt.Errorf("err: %w", err)
	}
	*c = code(fmt.Sprint(n))
	return nil
}
