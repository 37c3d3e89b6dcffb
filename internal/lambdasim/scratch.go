package lambdasim

import (
	"net/http"
	"time"
)

type signingConfig struct{}
type policy struct{}
type archive struct{}

func isPresigned(*http.Request) bool                               { return false }
func (w *World) servePresigned(*http.Request) reply                { return reply{} }
func (c *call) resourceARN() string                                { return "*" }
func (r *region) ownerEdit(string, func(*FunctionSpec), time.Time) {}
