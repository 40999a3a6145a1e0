package record

// Run is the part of the request that shapes the results. It does not contain the key:
// KeyID identifies a key without revealing it. The tags are the names of the fields in
// records.
// Schema is the version of NDJSON that the run was written in; a writer puts its own there.
type Run struct {
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
	Strategy
	Protocol string  `json:"protocol"` // a method's name
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
	// PerPrefix targets come of each prefix of Granularity (IPv4, IPv6) bits, and of all
	// those the first MaxTargets, if not 0.
	PerPrefix   uint64 `json:"per_prefix,omitempty"`
	Granularity [2]int `json:"granularity,omitzero"`
	MaxTargets  uint64 `json:"max_targets,omitempty"`
	// HostRule is the rule that chose the targets in the prefixes: first, sra or a number; "" is
	// the seed.
	HostRule string `json:"host_rule,omitempty"`
	// Names are the names in the lists, with the addresses that were targets for them.
	Names []Name `json:"names,omitempty"`
	Shard [2]int `json:"shard"` // number, from 0, and how many there are
	// Vantage is the vantage point, of a run that is part of a job of a fleet; else nil.
	Vantage *Vantage `json:"vantage,omitempty"`
	// Files are the files of the run, if there are several; nil if one has all records.
	Files *Files `json:"files,omitempty"`
	// Databases are those that annotate the records, nil if there are none.
	Databases []Database `json:"databases,omitempty"`
}

// Vantage is a vantage point of a fleet.
type Vantage struct {
	Name     string `json:"name"`
	Location string `json:"location,omitempty"`
	AS       string `json:"as,omitempty"`
	// ClockOffsetNS is its clock minus that of the hub when the run began. It is wrong by
	// ClockErrorNS at most, which is 0 if nothing was measured.
	ClockOffsetNS int64 `json:"clock_offset_ns"`
	ClockErrorNS  int64 `json:"clock_error_ns"`
}

// Files are the names of the files that a run wrote, without folders.
type Files struct {
	Output  string `json:"output"`
	Replies string `json:"replies,omitempty"` // file of the replies
	Meta    string `json:"meta,omitempty"`    // file of all other records but the traces
}

// Strategy is which probes a scan makes of all that it could, with the parameters. It
// is in run records, in captures and in checkpoints.
type Strategy struct {
	// Strategy is the name of a strategy. It is empty in captures from before there
	// was a choice: exhaustive.
	Strategy string `json:"strategy,omitempty"`
	// GapLimit is how many silent TTLs in a row end a trace.
	GapLimit int `json:"gap_limit,omitempty"`
	// Overlap is how many TTLs topology follows a path back after the last interface that
	// was new.
	Overlap int `json:"overlap,omitempty"`
	// Stitch completes traces of topology with hops that others measured.
	Stitch bool `json:"stitch,omitempty"`
	MultipathOptions
}

// MultipathOptions are the parameters of strategy multipath.
type MultipathOptions struct {
	// Confidence is the probability with which all branches of a balancer are to be found.
	Confidence float64 `json:"confidence,omitempty"`
	// Scope is what Confidence is about: "balancer", or all balancers of a "trace".
	Scope string `json:"confidence_scope,omitempty"`
	// MDA is the variant of the algorithm: "lite", which changes to full where it must, or "full".
	MDA string `json:"mda,omitempty"`
	// MaxBranches is the number of branches after which a balancer is not followed further.
	MaxBranches int `json:"max_branches,omitempty"`
	// MaxProbes is the number of probes after which a target is given up; 0 is no limit.
	MaxProbes int `json:"max_probes,omitempty"`
	// HashFields examines which header fields balancers hash.
	HashFields bool `json:"hash_fields,omitempty"`
	// NoBorrow asks the full number of flows at each router, whatever other targets have shown.
	NoBorrow bool `json:"no_borrow,omitempty"`
}

// Resume is where another process went on writing, from a checkpoint of the run. Probes
// of windows that were not recorded above may have been sent before, and are sent again.
type Resume struct {
	Run     string   `json:"run"`
	Tool    string   `json:"tool"` // name/version
	Argv    []string `json:"argv"`
	Windows uint64   `json:"windows"` // that are recorded above
	TimeUs  int64    `json:"time_us"` // µs since the Unix epoch; its probes left after
	// Changed are the options that differ from those that the run began with, by name.
	Changed map[string]Change `json:"changed,omitempty"`
	// Databases are those that annotate the records from here on, nil if there are none.
	Databases []Database `json:"databases,omitempty"`
}

// Change is an option before and after a resume.
type Change struct {
	Was any `json:"was"`
	Now any `json:"now"`
}

// Cycle is a pass over a target list, as scamper has them.
type Cycle struct {
	ListName string
	ID       int
	Hostname string // the vantage point's name
	Time     int64  // s since the Unix epoch
}
