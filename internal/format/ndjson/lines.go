package ndjson

import (
	"net/netip"

	"github.com/masstrace/masstrace/internal/record"
)

// The types of lines have a field for each key, as encoding/json wants them. Read makes
// values of them; code that needs single lines may use them too.

// TraceLine is a trace record: ours or scamper's. Fields that a record lacks are zero.
type TraceLine struct {
	Type       string     `json:"type"`
	Version    string     `json:"version"`
	ListName   string     `json:"list_name"`
	ID         int        `json:"id"`
	Hostname   string     `json:"hostname"`
	UserID     int        `json:"userid"` // index of the flow
	Method     string     `json:"method"`
	Src        netip.Addr `json:"src"`
	Dst        netip.Addr `json:"dst"`
	SrcPort    uint16     `json:"sport"`
	DstPort    uint16     `json:"dport"`
	ICMPSum    uint16     `json:"icmp_sum"`
	StopReason string     `json:"stop_reason"`
	StopData   int        `json:"stop_data"`
	Start      StartTime  `json:"start"`
	HopCount   int        `json:"hop_count"`
	Attempts   int        `json:"attempts"`
	HopLimit   int        `json:"hoplimit"`
	FirstHop   int        `json:"firsthop"`
	Wait       float64    `json:"wait"` // s
	WaitProbe  float64    `json:"wait_probe"`
	TOS        int        `json:"tos"`
	ProbeSize  int        `json:"probe_size"`
	ProbeCount int        `json:"probe_count"`
	Hops       []HopLine  `json:"hops"`
}

// Time is a time in a trace record.
type Time struct {
	Sec  int64 `json:"sec"`
	USec int64 `json:"usec"`
}

// StartTime is a Time that is also written for people.
type StartTime struct {
	Time
	FTime string `json:"ftime"` // ours: UTC; scamper's: local time
}

// HopLine is a hop of a trace record. Pointers are nil where the record lacks a field
// that may be 0.
type HopLine struct {
	Addr      netip.Addr   `json:"addr"`
	ProbeTTL  uint8        `json:"probe_ttl"`
	ProbeID   *int         `json:"probe_id"` // attempt, from 1
	ProbeSize int          `json:"probe_size"`
	Tx        *Time        `json:"tx"`
	RTT       *float64     `json:"rtt"` // ms
	ReplyTTL  uint8        `json:"reply_ttl"`
	ReplyTOS  uint8        `json:"reply_tos"`
	ReplySize uint32       `json:"reply_size"`
	ReplyIPID int          `json:"reply_ipid"`
	ICMPType  *uint8       `json:"icmp_type"`
	ICMPCode  *uint8       `json:"icmp_code"`
	QuotedTTL *uint8       `json:"icmp_q_ttl"`
	QuotedLen *int         `json:"icmp_q_ipl"`
	QuotedTOS *uint8       `json:"icmp_q_tos"`
	MTU       uint32       `json:"icmp_nhmtu"`
	MTUColon  uint32       `json:"icmp_nhmtu:"` // scamper's key has a stray colon
	TCPFlags  *uint8       `json:"tcp_flags"`
	Objects   []ObjectLine `json:"icmpext"`
	ExtSum    string       `json:"icmpext_sum"`
	RTTNs     *int64       `json:"rtt_ns"`
	Kind      string       `json:"kind"`
	Valid     string       `json:"valid"`
	Mangled   []string     `json:"mangled"`
	Lagged    bool         `json:"lagged"`
	Inferred  bool         `json:"inferred"` // not measured: borrowed from other traces
	*AnnotationLine
}

// ObjectLine is an object of an ICMP extension structure in a hop.
type ObjectLine struct {
	Class  uint8       `json:"ie_cn"`
	CType  uint8       `json:"ie_ct"`
	Len    uint16      `json:"ie_dl"` // octets, without the header
	Labels []LabelLine `json:"mpls_labels"`
	Iface  *IfaceLine  `json:"iface"`
	Hex    string      `json:"hex"`
}

// LabelLine is an MPLS label in a hop.
type LabelLine struct {
	TTL   uint8  `json:"mpls_ttl"`
	S     uint8  `json:"mpls_s"`
	EXP   uint8  `json:"mpls_exp"`
	Label uint32 `json:"mpls_label"`
}

// IfaceLine is the information of a router about one of its interfaces (RFC 5837).
type IfaceLine struct {
	Role  string     `json:"role"`
	Index uint32     `json:"index"`
	Addr  netip.Addr `json:"addr"`
	Name  name       `json:"name"` // nil if there is none
	MTU   uint32     `json:"mtu"`
}

// Interface is an interface that other traces saw at the same TTL.
type Interface struct {
	TTL  int        `json:"ttl"`
	Addr netip.Addr `json:"addr"`
}

// ExtLine is a trace-ext record.
type ExtLine struct {
	Type    string     `json:"type"`
	Run     string     `json:"run"`
	Dst     netip.Addr `json:"dst"`
	UserID  int        `json:"userid"`
	Reached bool       `json:"reached"`
	DstTTL  int        `json:"dst_ttl"` // 0 if not known
	// Met is the meeting point of the way back with other traces, or nil.
	Met     *Interface `json:"lss"`
	NoReply [][2]int   `json:"no_reply"` // TTL, attempt from 0
	Loss    Loss       `json:"loss"`
	// RateLimited are the TTLs of silence by a responder that limits its rate.
	RateLimited []int `json:"rate_limited_ttls"`
	// UnderDrops are the TTLs of silence that may be our own kernel's doing.
	UnderDrops []int    `json:"kernel_drop_ttls"`
	Contested  []int    `json:"contested"`
	Withheld   []int    `json:"withheld"`
	Loops      [][2]int `json:"loops"` // TTLs of the same router
	NAT        *NAT     `json:"nat"`
	// Verdict is why the trace ends where it ends; "" if it is not judged.
	Verdict    string          `json:"verdict"`
	Evidence   *EvidenceLine   `json:"evidence"`
	Conditions []ConditionLine `json:"conditions"`
	PathHash   string          `json:"path_hash"` // 16 hexadecimal digits; "" if the rest is not known
	// Target and ASPath come from databases.
	Target *AnnotationLine `json:"target"`
	ASPath []PathLine      `json:"as_path"`
}

// Loss counts a trace's probes.
type Loss struct {
	Sent     int `json:"sent"`
	Answered int `json:"answered"`
}

// NAT has the first TTL at which quotations are rewritten.
type NAT struct {
	FirstTTL int `json:"first_ttl"`
}

// ReplyLine is a reply record. Pointers are nil where the record lacks a field that may
// be 0.
type ReplyLine struct {
	Type             string        `json:"type"`
	Run              string        `json:"run"`
	CaptureTimestamp int64         `json:"capture_timestamp"` // s
	RxUs             int64         `json:"rx_us"`
	TxUs             *int64        `json:"tx_us"`
	TSSrc            string        `json:"ts_src"`
	ProbeProtocol    uint8         `json:"probe_protocol"`
	ProbeSrc         netip.Addr    `json:"probe_src_addr"`
	ProbeDst         netip.Addr    `json:"probe_dst_addr"`
	ProbeSrcPort     uint16        `json:"probe_src_port"`
	ProbeDstPort     uint16        `json:"probe_dst_port"`
	ProbeFlowLabel   *uint32       `json:"probe_flow_label"`
	ProbeFlow        uint16        `json:"probe_flow"`
	ProbeAttempt     *uint8        `json:"probe_attempt"`
	ProbeTTL         *uint8        `json:"probe_ttl"`
	ProbeSize        int           `json:"probe_size"`
	QuotedTTL        *uint8        `json:"quoted_ttl"`
	QuotedTOS        *uint8        `json:"quoted_tos"`
	QuotedSize       *uint32       `json:"quoted_size"`
	QuotedID         *uint16       `json:"quoted_id"`
	QuotedLen        *uint16       `json:"quoted_len"`
	ReplySrc         netip.Addr    `json:"reply_src_addr"`
	ReplyProtocol    uint8         `json:"reply_protocol"`
	ReplyICMPType    *uint8        `json:"reply_icmp_type"`
	ReplyICMPCode    *uint8        `json:"reply_icmp_code"`
	ReplyTTL         uint8         `json:"reply_ttl"`
	ReplySize        uint32        `json:"reply_size"`
	ReplyTOS         uint8         `json:"reply_tos"`
	ReplyIPID        *uint16       `json:"reply_ipid"`
	ReplyTCPFlags    *uint8        `json:"reply_tcp_flags"`
	ReplyMTU         uint32        `json:"reply_mtu"`
	Labels           [][4]uint32   `json:"reply_mpls_labels"` // label, EXP, S, TTL
	Objects          []ReplyObject `json:"icmpext"`
	ExtSum           string        `json:"icmpext_sum"`
	RTT              *uint16       `json:"rtt"` // 0.1 ms
	RTTNs            *int64        `json:"rtt_ns"`
	Kind             string        `json:"kind"`
	FromDst          bool          `json:"from_dst"`
	Valid            string        `json:"valid"`
	Mangled          []string      `json:"mangled"`
	Dup              int           `json:"dup"`
	Late             bool          `json:"late"`
	Lagged           bool          `json:"lagged"`
	Superseded       bool          `json:"superseded"`
	Withheld         bool          `json:"withheld"`
	Round            int           `json:"round"`
}

// ReplyObject is an object of an ICMP extension structure in a reply record.
type ReplyObject struct {
	Class uint8      `json:"class"`
	CType uint8      `json:"type"`
	Len   uint16     `json:"len"` // octets, without the header
	Hex   string     `json:"hex"`
	Iface *IfaceLine `json:"iface"`
}

// cycleLine is a cycle-start or cycle-stop record, which scamper's tools look for.
type cycleLine struct {
	Type      string `json:"type"`
	ListName  string `json:"list_name"`
	ID        int    `json:"id"`
	Hostname  string `json:"hostname"`
	StartTime int64  `json:"start_time,omitempty"` // s since the Unix epoch
	StopTime  int64  `json:"stop_time,omitempty"`  // s since the Unix epoch
}

// The other records have the fields of their values.
type (
	runLine struct {
		Type string `json:"type"`
		record.Run
	}
	resumeLine struct {
		Type string `json:"type"`
		record.Resume
	}
	followedLine struct {
		Type string `json:"type"`
		record.Followed
	}
	summaryLine struct {
		Type string `json:"type"`
		record.Summary
	}
)
