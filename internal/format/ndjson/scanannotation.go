package ndjson

// annotationField reads a field of databases; ok is false if key is another one.
func (s *scan) annotationField(l **AnnotationLine, key []byte) (ok bool) {
	switch string(key) {
	case "asn", "asn_src", "as_name", "prefix", "ixp", "country", "name":
	default:
		return false
	}
	if *l == nil {
		s.notes = append(s.notes, AnnotationLine{})
		*l = &s.notes[len(s.notes)-1]
	}
	n := *l
	switch string(key) {
	case "asn":
		list(s, &n.ASN, &s.asns, (*scan).asn)
	case "asn_src":
		n.ASNSrc = s.Text()
	case "as_name":
		n.ASName = s.Text()
	case "prefix":
		n.Prefix = s.Text()
	case "ixp":
		n.IXP = s.Text()
	case "country":
		n.Country = s.Text()
	case "name":
		n.Name = s.Text()
	}
	return true
}

// asn reads a number of a list.
func (s *scan) asn(to *uint32) { *to = s.u32() }

// annotation reads an object with the fields of an address.
func (s *scan) annotation(l **AnnotationLine) {
	if *l != nil { // twice: encoding/json mixes both
		s.Fail()
		return
	}
	s.notes = append(s.notes, AnnotationLine{})
	*l = &s.notes[len(s.notes)-1]
	for s.Open('{'); s.More('}'); {
		if key := s.Key(); !s.annotationField(l, key) {
			s.Unknown(key)
		}
	}
}

// pathPart reads a part of an AS path.
func (s *scan) pathPart(p *PathLine) {
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "ttl":
			s.pair(&p.TTL)
		case "kind":
			p.Kind = s.Text()
		case "asn":
			list(s, &p.ASN, &s.asns, (*scan).asn)
		case "ixp":
			p.IXP = s.Text()
		default:
			s.Unknown(key)
		}
	}
}
