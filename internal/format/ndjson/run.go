package ndjson

// Schema is the version of the records: the number before the point grows when
// a field goes or changes its meaning.
const Schema = "1"

// The types of records.
const (
	TypeCycleStart = "cycle-start"
	TypeCycleStop  = "cycle-stop"
	TypeRun        = "run"
	TypeSummary    = "summary"
	typeTrace      = "trace"
	typeTraceExt   = "trace-ext"
	typeReply      = "reply"
	typeResume     = "resume"
)

// Cycle is a cycle-start or cycle-stop record, which scamper's tools look for.
type Cycle struct {
	Type      string `json:"type"`
	ListName  string `json:"list_name"`
	ID        int    `json:"id"`
	Hostname  string `json:"hostname"`
	StartTime int64  `json:"start_time,omitempty"` // s since the Unix epoch
	StopTime  int64  `json:"stop_time,omitempty"`  // s since the Unix epoch
}

// Run is a run record: what was asked for, in so far as it shapes the results.
// No key of the run's is in it: KeyID only tells two keys apart.
type Run struct {
	Type     string   `json:"type"`
	Schema   string   `json:"schema"`
	Run      string   `json:"run"`
	Tool     string   `json:"tool"` // name/version
	Argv     []string `json:"argv"`
	Seed     string   `json:"seed"`
	KeyID    string   `json:"key_id"`
	RatePPS  float64  `json:"rate_pps"`
	RateAuto bool     `json:"rate_auto,omitempty"` // RatePPS is the most that it may come to
	Burst    int      `json:"burst"`
	TTL      [2]uint8 `json:"ttl"` // first and last
	Flows    int      `json:"flows"`
	Attempts int      `json:"attempts"`
	// Strategy says which probes were made; GapLimit and Overlap are its parameters.
	Strategy string  `json:"strategy,omitempty"`
	GapLimit int     `json:"gap_limit,omitempty"`
	Overlap  int     `json:"overlap,omitempty"`
	Stitch   bool    `json:"stitch,omitempty"` // traces have hops that others measured
	Protocol string  `json:"protocol"`         // a method's name
	DstPort  uint16  `json:"dport,omitempty"`
	TOS      uint8   `json:"tos"`
	WaitS    float64 `json:"wait_s"`
	// Source is the address of the probes; Source6 that of IPv6 probes when
	// both families are probed.
	Source        string `json:"source"`
	Source6       string `json:"source6,omitempty"`
	Link          string `json:"link"`
	IO            string `json:"io,omitempty"`      // way of sending
	Senders       int    `json:"senders,omitempty"` // threads that send
	Clock         string `json:"clock"`             // of the receive times: CLOCK_REALTIME/kernel
	TargetsSHA256 string `json:"targets_sha256"`
	ExcludeSHA256 string `json:"exclude_sha256"`
	// How targets come of the lists: PerPrefix of them in each prefix of
	// Granularity (IPv4, IPv6) bits, and the first MaxTargets, if not 0.
	PerPrefix   uint64 `json:"per_prefix,omitempty"`
	Granularity [2]int `json:"granularity,omitzero"`
	MaxTargets  uint64 `json:"max_targets,omitempty"`
	Shard       [2]int `json:"shard"` // which one, of how many
}

// Resume is a resume record: from here on another process wrote the file, from a
// checkpoint of the run. Probes of windows that were not recorded above may have
// been sent before, and are sent again.
type Resume struct {
	Type    string   `json:"type"`
	Run     string   `json:"run"`
	Tool    string   `json:"tool"` // name/version
	Argv    []string `json:"argv"`
	Windows uint64   `json:"windows"` // that are recorded above
	TimeUs  int64    `json:"time_us"` // µs since the Unix epoch; its probes left after
}
