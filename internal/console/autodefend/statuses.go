package autodefend

import (
	"context"
	"time"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

// busy reports whether work that began hasn't ended.
func busy(started, finished time.Time) bool { return started.After(finished) }

// deployStatus answers the status of the rules.
func (s *Service) deployStatus(ctx context.Context, _ *route.Call) (route.Answer, error) {
	st, err := s.load(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	d := &api.ServerlessAutoDeployStatus{Errors: []string{}, Specs: []api.ServerlessAutoDeploySpecStatus{}}
	status := api.Status{ID: "serverlessAutoDeploy", Type: "serverlessAutoDeploy", ServerlessAutoDeploy: d}
	for _, r := range st.rules {
		was := st.states[r.Name]
		d.Specs = append(d.Specs, api.ServerlessAutoDeploySpecStatus{Name: r.Name, Discovered: was.Discovered, Defended: was.Defended, Own: &was})
		for _, text := range was.Errors {
			d.Errors = append(d.Errors, r.Name+": "+text)
		}
		d.Scanning = d.Scanning || busy(was.Started, was.Finished)
		if was.Finished.After(status.LastModified) {
			status.LastModified = was.Finished
		}
	}
	for _, j := range st.jobs {
		switch {
		case j.Blocked:
			d.Errors = append(d.Errors, j.Rule.Name+": a removal waits for confirmation; GET /api/v1/runs/"+j.ID+" says how")
		case j.Kind != api.RunPlan:
			d.Scanning = true
		}
	}
	return route.Answer{JSON: status}, nil
}

// deployProgress answers how far the evaluations are that are under way.
func (s *Service) deployProgress(ctx context.Context, _ *route.Call) (route.Answer, error) {
	st, err := s.load(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	progress := []api.Progress{}
	for _, r := range st.rules {
		if was := st.states[r.Name]; busy(was.Started, was.Finished) {
			progress = append(progress, api.Progress{
				ID: r.Name, Title: r.Name, Type: api.ScanServerlessDeploy, ScanTime: was.Started,
				Scanned: was.Scanned, Total: was.Total, OnDemand: !st.control.Scan.After(was.Started) && st.control.Scan.After(was.Finished),
			})
		}
	}
	return list(progress, len(progress)), nil
}

// lookProgress answers how far the looks are that are under way, as scans of a type.
func (s *Service) lookProgress(scan api.ScanType) route.Handler {
	return func(ctx context.Context, _ *route.Call) (route.Answer, error) {
		st, err := s.load(ctx)
		if err != nil {
			return route.Answer{}, err
		}
		progress := []api.Progress{}
		for _, id := range st.credentials() {
			if was := st.looks[id]; busy(was.Started, was.Finished) {
				progress = append(progress, api.Progress{
					ID: id, Title: id, Type: scan, ScanTime: was.Started, Scanned: was.Scanned, Total: was.Total, Error: was.Error,
					Discovery: scan == api.ScanCloudDiscovery, OnDemand: st.control.Look.Equal(was.Started) || st.control.Look.After(was.Finished),
				})
			}
		}
		return list(progress, len(progress)), nil
	}
}

// radarStatus answers whether functions are being looked at.
func (s *Service) radarStatus(ctx context.Context, _ *route.Call) (route.Answer, error) {
	st, err := s.load(ctx)
	if err != nil {
		return route.Answer{}, err
	}
	radar := &api.ServerlessRadarStatus{}
	status := api.Status{ID: "serverlessRadar", Type: "serverlessRadar", ServerlessRadar: radar}
	for _, id := range st.credentials() {
		was := st.looks[id]
		radar.Scanning = radar.Scanning || busy(was.Started, was.Finished)
		if was.Error != "" {
			radar.Err = was.Error
		}
		if was.Finished.After(status.LastModified) {
			status.LastModified = was.Finished
		}
	}
	return route.Answer{JSON: status}, nil
}
