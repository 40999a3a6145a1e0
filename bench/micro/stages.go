package main

// stage is a part of masstrace and the benchmarks that measure it.
type stage struct {
	name    string
	pkg     string // folder of the benchmarks
	pattern string // in the syntax of go test -bench
	path    path
}

// path is how often the stage runs.
type path int

const (
	cold path = iota // about once per scan
	hot              // for each packet: must not allocate
)

// stages are in the order of a probe's life.
var stages = []stage{
	{"permutation", "internal/permute", "^BenchmarkAt$|^BenchmarkWideAt$", hot},
	{"inverse permutation", "internal/permute", "^BenchmarkInverse$", hot},
	{"target at an index, 10⁵ prefixes", "internal/target", "^BenchmarkAt$", hot},
	{"index of a target, 10⁵ prefixes", "internal/target", "^BenchmarkIndexOf$|^BenchmarkPositionOf$|^BenchmarkFinder$", hot},
	{"exclusion check, 10⁵ prefixes", "internal/target", "^BenchmarkContains$", hot},
	{"list of the whole Internet", "internal/target", "^BenchmarkWholeInternet$", cold},
	{"pace", "ratelimit", "^BenchmarkTake$", hot},
	{"prepare a target", "internal/codec", "^BenchmarkPrepare$", hot},
	{"build a probe", "internal/codec", "^BenchmarkEncode$", hot},
	{"all of a probe but the system call", "bench/send", "^BenchmarkPipeline$", hot},
	{"decode a frame, keyed check included", "bench", "^BenchmarkDecode$", hot},
	{"from frame to slot, decoded, authenticated, matched", "bench", "^BenchmarkReceive$", hot},
	{"keyed check of a quotation", "internal/codec", "^BenchmarkQuoted$", hot},
	{"keyed check of an echo reply", "internal/codec", "^BenchmarkEchoReply$", hot},
	{"stamp a slot", "internal/window", "^BenchmarkStamp$", hot},
	{"match a reply and fill its slot", "matcher", "^BenchmarkMatch$", hot},
	{"close a trace", "internal/trace", "^BenchmarkClose$", hot},
	{"NDJSON of a trace, 16 hops", "internal/format/ndjson", "^BenchmarkTrace$/^by_hand$", hot},
	{"the same by encoding/json", "internal/format/ndjson", "^BenchmarkTrace$/^encoding_json$", cold},
	{"NDJSON of a reply", "internal/format/ndjson", "^BenchmarkReply$", hot},
	{"Parquet of a million hops", "internal/format/parquet", "^BenchmarkWrite$", cold},
	{"read a million hops of Parquet", "internal/format/parquet", "^BenchmarkRead$", cold},
	{"read NDJSON", "internal/format/ndjson", "^BenchmarkReader$", cold},
}
