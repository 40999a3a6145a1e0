package account

import (
	"reflect"
	"strings"
)

// Reason is a count of a group, with its name in records and its words for people.
type Reason struct {
	Name, Words string
	N           uint64
}

// Reasons returns the counts of a group, such as Skipped or Rejected, in order.
func Reasons[T any](group *T) []Reason {
	counts, kind := words(group), reflect.TypeFor[T]()
	list := make([]Reason, kind.NumField())
	for i := range list {
		f := kind.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		list[i] = Reason{Name: name, Words: f.Tag.Get("text"), N: counts[i]}
	}
	return list
}
