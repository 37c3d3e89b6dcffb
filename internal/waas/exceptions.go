package waas

import (
	"slices"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
	"github.com/autodefend/autodefend/internal/waas/event"
	"github.com/autodefend/autodefend/internal/waas/rules"
)

// classSet is a set of classes.
type classSet uint16

func (s classSet) has(c rules.Class) bool { return s>>c&1 != 0 }

func (s *classSet) add(c rules.Class) { *s |= 1 << c }

// attackClass is the policy's word for a class of rules.
func attackClass(c rules.Class) autodefend.AttackClass { return autodefend.AttackClass(c.String()) }

// spare marks the values that exceptions take out of some classes, and leaves out what isn't inspected at all.
// What is put together from the request is spared with the part that an exception is about: who excepts a
// parameter doesn't want it found in the query either.
func (r *run) spare(values []value) []value {
	if r.engine.skipBody {
		values = slices.DeleteFunc(values, func(v value) bool { return inBody(v.field.Place) })
	}
	if !r.engine.excepting {
		return values
	}
	for class := range rules.Class(rules.Classes) {
		if x := r.engine.exceptions[class]; x != nil && r.looks.has(class) {
			r.spareClass(values, class, x)
		}
	}
	return values
}

func (r *run) spareClass(values []value, class rules.Class, x *policy.Exceptions) {
	raw := r.event.Request.RawBody
	body := x.HasBody() && raw != "" && x.Body(raw)
	var whole rules.VariableSet // what has an excepted part
	for i := range values {
		f := values[i].field
		message := f.Place == event.Message && x.HasBody() && x.Body(f.Value)
		excepted := message || body && inBody(f.Place) || x.Field(location(f.Place), f.Name, f.Value)
		if !excepted {
			continue
		}
		values[i].spared.add(class)
		switch {
		case f.Place == event.Query || f.Place == event.QueryName:
			whole |= rules.URI.Set() | rules.Line.Set() | rules.QueryString.Set()
		case inBody(f.Place):
			whole |= rules.Body.Set()
		}
	}
	for i := range values {
		if values[i].variables&whole != 0 {
			values[i].spared.add(class)
		}
	}
}

// location is the policy's word for a place.
func location(p event.Place) policy.Location {
	switch p {
	case event.QueryName, event.Query:
		return policy.LocationQuery
	case event.HeaderName, event.Header:
		return policy.LocationHeader
	case event.CookieName, event.Cookie:
		return policy.LocationCookie
	case event.FormName, event.Form, event.MultipartName, event.Multipart, event.FileName, event.PartHeader:
		return policy.LocationBody
	case event.JSONName, event.JSON, event.MessageName, event.Message:
		return policy.LocationJSON
	case event.XML, event.XMLAttribute:
		return policy.LocationXML
	default:
		return policy.LocationAny
	}
}

// inBody says whether a place is in an HTTP body.
func inBody(p event.Place) bool {
	switch p {
	case event.FormName, event.Form, event.MultipartName, event.Multipart, event.FileName, event.PartHeader,
		event.JSONName, event.JSON, event.XML, event.XMLAttribute, event.Body:
		return true
	default:
		return false
	}
}
