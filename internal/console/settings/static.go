package settings

import (
	"context"
	"net/http"

	"github.com/autodefend/autodefend/internal/api"
	"github.com/autodefend/autodefend/internal/console/route"
)

func (s *Service) staticRoutes() []route.Route {
	return []route.Route{
		{
			Method: http.MethodGet, Path: "/static/serverless-runtimes", Permission: route.AnyUser, Prisma: true,
			Summary: "Lists the runtimes that auto-defend rules may name.", Response: []string{}, Handle: listRuntimes,
		},
		{
			Method: http.MethodGet, Path: "/static/regions", Permission: route.AnyUser, Prisma: true,
			Summary: "Lists the regions of the providers.", Response: map[string][]api.RegionData{}, Handle: listRegions,
		},
	}
}

func listRuntimes(context.Context, *route.Call) (route.Answer, error) {
	return route.Answer{JSON: api.LambdaRuntimes()}, nil
}

func listRegions(context.Context, *route.Call) (route.Answer, error) {
	return route.Answer{JSON: map[string][]api.RegionData{"aws": regions()}}, nil
}

// regions are those of AWS. Rules aren't limited to them: a region that is newer than this table is found by asking AWS.
func regions() []api.RegionData {
	table := []struct {
		region, name, kind  string
		latitude, longitude float64
	}{
		{"af-south-1", "Africa (Cape Town)", "regular", -33.93, 18.42},
		{"ap-east-1", "Asia Pacific (Hong Kong)", "regular", 22.28, 114.16},
		{"ap-east-2", "Asia Pacific (Taipei)", "regular", 25.03, 121.57},
		{"ap-northeast-1", "Asia Pacific (Tokyo)", "regular", 35.69, 139.69},
		{"ap-northeast-2", "Asia Pacific (Seoul)", "regular", 37.57, 126.98},
		{"ap-northeast-3", "Asia Pacific (Osaka)", "regular", 34.69, 135.5},
		{"ap-south-1", "Asia Pacific (Mumbai)", "regular", 19.08, 72.88},
		{"ap-south-2", "Asia Pacific (Hyderabad)", "regular", 17.39, 78.49},
		{"ap-southeast-1", "Asia Pacific (Singapore)", "regular", 1.35, 103.82},
		{"ap-southeast-2", "Asia Pacific (Sydney)", "regular", -33.87, 151.21},
		{"ap-southeast-3", "Asia Pacific (Jakarta)", "regular", -6.21, 106.85},
		{"ap-southeast-4", "Asia Pacific (Melbourne)", "regular", -37.81, 144.96},
		{"ap-southeast-5", "Asia Pacific (Malaysia)", "regular", 3.14, 101.69},
		{"ap-southeast-6", "Asia Pacific (New Zealand)", "regular", -36.85, 174.76},
		{"ap-southeast-7", "Asia Pacific (Thailand)", "regular", 13.76, 100.5},
		{"ca-central-1", "Canada (Central)", "regular", 45.5, -73.57},
		{"ca-west-1", "Canada West (Calgary)", "regular", 51.05, -114.07},
		{"eu-central-1", "Europe (Frankfurt)", "regular", 50.11, 8.68},
		{"eu-central-2", "Europe (Zurich)", "regular", 47.38, 8.54},
		{"eu-north-1", "Europe (Stockholm)", "regular", 59.33, 18.07},
		{"eu-south-1", "Europe (Milan)", "regular", 45.46, 9.19},
		{"eu-south-2", "Europe (Spain)", "regular", 41.65, -0.88},
		{"eu-west-1", "Europe (Ireland)", "regular", 53.35, -6.26},
		{"eu-west-2", "Europe (London)", "regular", 51.51, -0.13},
		{"eu-west-3", "Europe (Paris)", "regular", 48.86, 2.35},
		{"il-central-1", "Israel (Tel Aviv)", "regular", 32.09, 34.78},
		{"me-central-1", "Middle East (UAE)", "regular", 25.2, 55.27},
		{"me-south-1", "Middle East (Bahrain)", "regular", 26.23, 50.59},
		{"mx-central-1", "Mexico (Central)", "regular", 20.59, -100.39},
		{"sa-east-1", "South America (São Paulo)", "regular", -23.55, -46.63},
		{"us-east-1", "US East (N. Virginia)", "regular", 38.95, -77.45},
		{"us-east-2", "US East (Ohio)", "regular", 39.96, -83},
		{"us-west-1", "US West (N. California)", "regular", 37.35, -121.96},
		{"us-west-2", "US West (Oregon)", "regular", 45.84, -119.29},
		{"us-gov-east-1", "AWS GovCloud (US-East)", "gov", 39.96, -83},
		{"us-gov-west-1", "AWS GovCloud (US-West)", "gov", 45.84, -119.29},
		{"cn-north-1", "China (Beijing)", "china", 39.9, 116.41},
		{"cn-northwest-1", "China (Ningxia)", "china", 38.49, 106.23},
	}
	all := make([]api.RegionData, len(table))
	for i, r := range table {
		all[i] = api.RegionData{
			Region: r.region, Name: r.name, RegionType: r.kind, SupportedServices: []string{"aws-lambda"},
			Coordinates: api.Coordinates{Latitude: r.latitude, Longitude: r.longitude},
		}
	}
	return all
}
