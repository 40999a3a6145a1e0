package annotate

// Fields is a set of fields that a database gives to an address.
type Fields uint8

// The fields. Origin is asn, asn_src, as_name and prefix together.
const (
	Origin Fields = 1 << iota
	IXP
	Country
	Name
)

// fieldNames are the names in records, in order.
var fieldNames = [...]struct {
	field Fields
	name  string
}{{Origin, "asn"}, {IXP, "ixp"}, {Country, "country"}, {Name, "name"}}

// Names returns the names of the fields in records.
func (f Fields) Names() (names []string) {
	for _, n := range fieldNames {
		if f&n.field != 0 {
			names = append(names, n.name)
		}
	}
	return names
}
