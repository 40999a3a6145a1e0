package record

import "net/netip"

// Annotation has the entries of databases for an address. Hops with the same address may share one,
// so nothing changes an Annotation after it was made. Empty fields are not known.
type Annotation struct {
	// ASN are the autonomous systems that originate Prefix, several if the origin is not unique.
	// ASNSource is the name of the file that has them, without its folder.
	ASN       []uint32
	IXP       string // name of the exchange whose peering LAN has the address
	ASNSource string
	ASName    string // name or organization of the first of ASN
	Prefix    netip.Prefix
	Country   string // ISO 3166-1 code of two letters
	Name      string // name of the address
}

// PathKind is the kind of a part of an AS path.
type PathKind uint8

// The kinds.
const (
	PathAS      PathKind = iota // addresses of one origin
	PathIXP                     // addresses of the peering LAN of an exchange
	PathUnknown                 // addresses without an origin in the databases
	PathSilent                  // TTLs without a hop
)

var pathKindNames = [...]string{PathAS: "as", PathIXP: "ixp", PathUnknown: "unknown", PathSilent: "silent"}

// String returns the name in records.
func (k PathKind) String() string {
	if int(k) < len(pathKindNames) {
		return pathKindNames[k]
	}
	return pathKindNames[PathUnknown]
}

// ParsePathKind is the inverse of String; ok is false for an unknown name.
func ParsePathKind(s string) (kind PathKind, ok bool) {
	for i, name := range pathKindNames {
		if name == s {
			return PathKind(i), true
		}
	}
	return PathUnknown, false
}

// PathPart is a part of an AS path: consecutive TTLs with the same origin, or without one.
type PathPart struct {
	First, Last uint8 // TTLs
	Kind        PathKind
	ASN         []uint32 // of PathAS, and of PathIXP if the member of the exchange is known
	IXP         string   // of PathIXP
}

// Database is a file whose entries annotate the records of a run.
type Database struct {
	File string `json:"file"` // without its folder
	Kind string `json:"kind"`
	// Fields are the fields of hops that come from the file: asn, ixp, country, name.
	Fields []string `json:"fields"`
	// TimeS is when the database was made, or when its file was changed last, in s since the Unix
	// epoch; 0 is not known.
	TimeS int64 `json:"time_s,omitempty"`
}

// AddInferred appends an inferred interface with its annotation, nil for none.
func (t *Trace) AddInferred(i Interface, n *Annotation) {
	if n != nil || len(t.InferredAnnotations) > 0 {
		for len(t.InferredAnnotations) < len(t.Inferred) {
			t.InferredAnnotations = append(t.InferredAnnotations, nil)
		}
		t.InferredAnnotations = append(t.InferredAnnotations, n)
	}
	t.Inferred = append(t.Inferred, i)
}
