package expression

import (
	"path"
	"strings"

	"github.com/autodefend/autodefend/internal/waas/event"
)

// shape is what an attribute holds.
type shape uint8

// The shapes.
const (
	text    shape = iota // one value, or those of one name
	list                 // values
	mapping              // values by name: wants a selector
	address              // an IP address
)

// attribute is something of a request that can be asked about.
type attribute struct {
	name  string
	shape shape
	// fold: values are compared whatever their case.
	fold bool
	// message: events that aren't requests have it too.
	message bool
	// fields returns the values; key is that of the selector. What is no field of the event and isn't known has none.
	fields func(in *Input, key string) []event.Field
}

// attributes lists what there is, in the order of the documentation.
func attributes() []attribute {
	return []attribute{
		{"req.host", text, true, false, host},
		{"req.headers", mapping, false, false, named(true, event.Header)},
		{"req.header_names", list, true, false, names(event.HeaderName, event.Header)},
		{"req.header_values", list, false, false, values(event.Header)},
		{"req.cookies", mapping, false, false, named(false, event.Cookie)},
		{"req.cookie_names", list, false, false, names(event.CookieName, event.Cookie)},
		{"req.cookie_values", list, false, false, values(event.Cookie)},
		{"req.query_params", mapping, false, false, named(false, event.Query)},
		{"req.query_param_names", list, false, false, names(event.QueryName, event.Query)},
		{"req.query_param_values", list, false, false, values(event.Query)},
		{"req.body_params", mapping, false, true, bodyParameter},
		{"req.body_param_values", list, false, true, values(bodyPlaces()...)},
		{"req.http_method", text, false, false, method},
		{"req.file_extension", text, false, false, extension},
		{"req.path", text, false, false, requestPath},
		{"req.ip", address, false, false, client},
		{"req.body", text, false, true, body},
		{"req.http_version", text, false, false, version},
		{"req.http_scheme", text, true, false, scheme},
	}
}

// Attributes returns the names of what can be asked about a request.
func Attributes() []string {
	var all []string
	for _, a := range attributes() {
		all = append(all, a.name)
	}
	return all
}

// bodyPlaces are the places of values in a body or a message.
func bodyPlaces() []event.Place {
	return []event.Place{event.Form, event.Multipart, event.JSON, event.XML, event.XMLAttribute, event.Message}
}

// each yields the event's fields of the record at hand.
func (in *Input) each(yield func(f *event.Field)) {
	for i := range in.Event.Fields {
		if f := &in.Event.Fields[i]; in.Record < 0 || f.Record == in.Record {
			yield(f)
		}
	}
}

// values returns the values at some places.
func values(places ...event.Place) func(*Input, string) []event.Field {
	return func(in *Input, _ string) []event.Field {
		var all []event.Field
		in.each(func(f *event.Field) {
			for _, p := range places {
				if f.Place == p {
					all = append(all, *f)
				}
			}
		})
		return all
	}
}

// names returns the names that stand in a place of names, and those of values: not every trigger has both.
func names(name, value event.Place) func(*Input, string) []event.Field {
	return func(in *Input, _ string) []event.Field {
		var all []event.Field
		in.each(func(f *event.Field) {
			switch f.Place {
			case name:
				all = append(all, *f)
			case value:
				all = append(all, event.Field{Place: name, Name: f.Name, Value: f.Name, Record: f.Record})
			}
		})
		return all
	}
}

// named returns the values of one name.
func named(fold bool, place event.Place) func(*Input, string) []event.Field {
	return func(in *Input, key string) []event.Field {
		var all []event.Field
		in.each(func(f *event.Field) {
			if f.Place == place && (f.Name == key || fold && strings.EqualFold(f.Name, key)) {
				all = append(all, *f)
			}
		})
		return all
	}
}

// bodyParameter returns the values of a form's parameter, or of a path in JSON or XML, with or without the slash in front.
func bodyParameter(in *Input, key string) []event.Field {
	key = strings.TrimPrefix(key, "/")
	var all []event.Field
	for _, f := range values(bodyPlaces()...)(in, "") {
		name := f.Name
		switch f.Place {
		case event.JSON, event.XML, event.XMLAttribute, event.Message:
			_, name, _ = strings.Cut(name, "/")
		}
		if name == key {
			all = append(all, f)
		}
	}
	return all
}

// http tells whether the event is a request, or has the parts of one.
func (in *Input) http() bool {
	return in.Record < 0 && (in.Event.Trigger.HTTP() || in.Event.Request.Method != "" || len(in.Event.Request.HeaderNames) > 0)
}

// one returns a value that is no field of the event, unless it's unknown.
func one(place event.Place, name, value string) []event.Field {
	if value == "" {
		return nil
	}
	return []event.Field{{Place: place, Name: name, Value: value, Record: -1}}
}

func host(in *Input, _ string) []event.Field {
	return one(event.Header, "host", in.Event.Request.Host)
}

func method(in *Input, _ string) []event.Field {
	return one(event.Method, "", in.Event.Request.Method)
}

func requestPath(in *Input, _ string) []event.Field {
	return one(event.Path, "", in.Event.Request.Path)
}

func extension(in *Input, _ string) []event.Field {
	ext := strings.TrimPrefix(path.Ext(in.Event.Request.Path), ".")
	return []event.Field{{Place: event.Path, Value: ext, Record: -1}}
}

func client(in *Input, _ string) []event.Field {
	return one(event.Whole, "", in.Event.Request.SourceIP)
}

func version(in *Input, _ string) []event.Field {
	return one(event.Whole, "", strings.TrimPrefix(in.Event.Request.Protocol, "HTTP/"))
}

// scheme is what the trigger's front door was asked by: HTTPS where it knows nothing else.
func scheme(in *Input, _ string) []event.Field {
	if forwarded := named(true, event.Header)(in, "x-forwarded-proto"); len(forwarded) > 0 {
		return one(event.Whole, "", strings.ToUpper(forwarded[0].Value))
	}
	return one(event.Whole, "", "HTTPS")
}

// body is the body of a request as it was sent; of an event that has none, its messages.
func body(in *Input, _ string) []event.Field {
	if raw := in.Event.Request.RawBody; raw != "" {
		return one(event.Body, "", raw)
	}
	return values(event.Body, event.Message)(in, "")
}
