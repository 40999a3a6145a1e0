package annotate

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2/mmdbdata"
)

// mmdbData are the fields of the databases that are in use: MaxMind's ASN, ISP, Country, City and
// Enterprise, and those of DB-IP, IPinfo and ip-location-db.
type mmdbData struct {
	Number      asNumber    `maxminddb:"autonomous_system_number"`
	Org         text        `maxminddb:"autonomous_system_organization"`
	ASN         asNumber    `maxminddb:"asn"`
	ASName      text        `maxminddb:"as_name"`
	Traits      traits      `maxminddb:"traits"`
	CountryCode text        `maxminddb:"country_code"`
	Country     countryCode `maxminddb:"country"`
	Registered  countryCode `maxminddb:"registered_country"`
}

// traits are the part of an Enterprise database that has AS numbers.
type traits struct {
	Number asNumber `maxminddb:"autonomous_system_number"`
	Org    text     `maxminddb:"autonomous_system_organization"`
}

// entry returns the fields of use, nil if there are none.
func (d *mmdbData) entry() *entry {
	e := new(entry)
	for _, pair := range [...]struct {
		number asNumber
		name   text
	}{{d.Number, d.Org}, {d.ASN, d.ASName}, {d.Traits.Number, d.Traits.Org}} {
		if pair.number != 0 && e.asn == nil {
			e.asn, e.asName = []uint32{uint32(pair.number)}, short(string(pair.name))
		}
	}
	for _, code := range [...]string{string(d.Country), string(d.CountryCode), string(d.Registered)} {
		if len(code) == 2 && e.country == "" {
			e.country = strings.ToUpper(code)
		}
	}
	if e.asn == nil && e.country == "" {
		return nil
	}
	return e
}

// text is a string. It is empty for other values.
type text string

// UnmarshalMaxMindDBCursor implements mmdbdata.CursorUnmarshaler.
func (t *text) UnmarshalMaxMindDBCursor(c mmdbdata.Cursor) (mmdbdata.Cursor, error) {
	kind, err := c.Kind()
	if err != nil || kind != mmdbdata.KindString {
		return skip(c, err)
	}
	s, next, err := c.ReadString()
	*t = text(s)
	return next, err
}

// asNumber is an AS number: an integer, or a text such as AS64500.
type asNumber uint32

// UnmarshalMaxMindDBCursor implements mmdbdata.CursorUnmarshaler.
func (n *asNumber) UnmarshalMaxMindDBCursor(c mmdbdata.Cursor) (mmdbdata.Cursor, error) {
	kind, err := c.Kind()
	if err != nil {
		return c, err
	}
	switch kind {
	case mmdbdata.KindUint16, mmdbdata.KindUint32, mmdbdata.KindUint64:
		v, next, err := c.ReadUint()
		if v == uint64(uint32(v)) {
			*n = asNumber(v)
		}
		return next, err
	case mmdbdata.KindString:
		s, next, err := c.ReadString()
		s = strings.TrimPrefix(strings.ToUpper(s), "AS")
		if v, bad := strconv.ParseUint(s, 10, 32); bad == nil {
			*n = asNumber(v)
		}
		return next, err
	}
	return c.Skip()
}

// countryCode is the code of a country: a text, or the iso_code in a map.
type countryCode string

// mostKeys is how many keys the map of a country has at most.
const mostKeys = 1000

// UnmarshalMaxMindDBCursor implements mmdbdata.CursorUnmarshaler.
func (cc *countryCode) UnmarshalMaxMindDBCursor(c mmdbdata.Cursor) (mmdbdata.Cursor, error) {
	kind, err := c.Kind()
	switch {
	case err != nil || kind != mmdbdata.KindString && kind != mmdbdata.KindMap:
		return skip(c, err)
	case kind == mmdbdata.KindString:
		s, next, err := c.ReadString()
		*cc = countryCode(s)
		return next, err
	}
	m, err := c.Map()
	if err != nil {
		return c, err
	}
	if m.Size() > mostKeys {
		return c, fmt.Errorf("a country with %d keys", m.Size())
	}
	var at mmdbdata.Cursor
	for key, value, more := m.Next(at); more; key, value, more = m.Next(at) {
		if string(key) == "iso_code" {
			var code text
			at, err = code.UnmarshalMaxMindDBCursor(value)
			*cc = countryCode(code)
		} else {
			at, err = value.Skip()
		}
		if err != nil {
			return c, err
		}
	}
	return m.End()
}

// skip passes over a value, unless there was an error.
func skip(c mmdbdata.Cursor, err error) (mmdbdata.Cursor, error) {
	if err != nil {
		return c, err
	}
	return c.Skip()
}
