// Package programhttp is the program room of the HTTP port: the routes of partners, their referral links, customers and form
// leads, what visitors meet who follow a referral link, and the pages that partners see.
package programhttp

import (
	"net/http"
	"slices"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	httpport "github.com/leadmill/leadmill/ports/http"
)

//go:generate sh -c "go run ../openapi/cmd/bundle -answers ../openapi.base.yaml openapi*.yaml | go tool -modfile=../../../tools.mod oapi-codegen -config oapi-codegen.yaml /dev/stdin"

// Handlers are the commands and queries that the room's routes call.
type Handlers struct {
	CreatePartner    bus.Handler[programcommand.CreatePartner, application.Done]
	UpdatePartner    bus.Handler[programcommand.UpdatePartner, application.Done]
	ApprovePartner   bus.Handler[programcommand.ApprovePartner, application.Done]
	RejectPartner    bus.Handler[programcommand.RejectPartner, application.Done]
	ArchivePartner   bus.Handler[programcommand.ArchivePartner, application.Done]
	UnarchivePartner bus.Handler[programcommand.UnarchivePartner, application.Done]
	DeletePartner    bus.Handler[programcommand.DeletePartner, application.Done]
	InvitePartner    bus.Handler[programcommand.InvitePartner, application.Done]
	CreateSignInURL  bus.Handler[programcommand.CreateSignInURL, application.Done]
	PartnerByHandle  bus.Handler[programquery.PartnerByHandle, programquery.PartnerDetail]
	Partners         bus.Handler[programquery.Partners, application.List[programquery.Partner]]

	AddReferralLink    bus.Handler[programcommand.AddReferralLink, application.Done]
	ChangeReferralLink bus.Handler[programcommand.ChangeReferralLink, application.Done]
	RemoveReferralLink bus.Handler[programcommand.RemoveReferralLink, application.Done]
	ReferralLinks      bus.Handler[programquery.ReferralLinks, application.List[programquery.ReferralLink]]
	ReferralLinkByKey  bus.Handler[programquery.ReferralLinkByKey, programquery.ReferralLink]
	ReferralDomains    bus.Handler[programquery.ReferralDomains, application.List[string]]

	CreateCustomer    bus.Handler[programcommand.CreateCustomer, application.Done]
	UpdateCustomer    bus.Handler[programcommand.UpdateCustomer, application.Done]
	ArchiveCustomer   bus.Handler[programcommand.ArchiveCustomer, application.Done]
	UnarchiveCustomer bus.Handler[programcommand.UnarchiveCustomer, application.Done]
	DeleteCustomer    bus.Handler[programcommand.DeleteCustomer, application.Done]
	Customers         bus.Handler[programquery.Customers, application.List[programquery.Customer]]
	CustomerByHandle  bus.Handler[programquery.CustomerByHandle, programquery.Customer]

	UpdateLeadForm   bus.Handler[programcommand.UpdateLeadForm, application.Done]
	LeadFormOfSeller bus.Handler[programquery.LeadFormOfSeller, programquery.LeadForm]
	SubmitFormLead   bus.Handler[programcommand.SubmitFormLead, application.Done]
	ConvertLead      bus.Handler[programcommand.ConvertLead, application.Done]
	RejectLead       bus.Handler[programcommand.RejectLead, application.Done]
	DeleteLead       bus.Handler[programcommand.DeleteLead, application.Done]
	FormLeads        bus.Handler[programquery.FormLeads, application.List[programquery.FormLead]]
	FormLeadByNumber bus.Handler[programquery.FormLeadByNumber, programquery.FormLead]

	Overview bus.Handler[programquery.Overview, programquery.ProgramOverview]

	FollowLink       bus.Handler[programcommand.FollowLink, programcommand.Followed]
	AcceptInvitation bus.Handler[programcommand.AcceptInvitation, programcommand.Session]
	OpenSession      bus.Handler[programcommand.OpenSession, programcommand.Session]
	CloseSession     bus.Handler[programcommand.CloseSession, struct{}]
	OpenInvitation   bus.Handler[programquery.OpenInvitation, programquery.InvitationView]
	PartnerPage      bus.Handler[programquery.PartnerPage, programquery.PartnerPageView]
}

// Routes returns the room's routes. The error names every handler that is missing.
func (h Handlers) Routes() ([]httpport.Route, error) {
	if err := httpport.Complete("program", h); err != nil {
		return nil, err
	}
	return slices.Concat(h.partnerRoutes(), h.linkRoutes(), h.customerRoutes(), h.leadRoutes(), h.visitorRoutes()), nil
}

func (h Handlers) partnerRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/partners", Needs: application.Program, Handle: h.listPartners},
		{Method: http.MethodPost, Path: "/v1/partners", Needs: application.Program, Handle: h.createPartner},
		{Method: http.MethodPut, Path: "/v1/partners", Needs: application.Program, Handle: h.updateNamedPartner},
		{Method: http.MethodDelete, Path: "/v1/partners", Needs: application.Program, Handle: h.deleteNamedPartner},
		{Method: http.MethodGet, Path: "/v1/partner", Needs: application.Program, Handle: h.findPartner},
		{Method: http.MethodPost, Path: "/v1/partner", Needs: application.Program, Handle: h.createPartner},
		{Method: http.MethodPut, Path: "/v1/partner", Needs: application.Program, Handle: h.updateNamedPartner},
		{Method: http.MethodDelete, Path: "/v1/partner", Needs: application.Program, Handle: h.deleteNamedPartner},
		{Method: http.MethodGet, Path: `/v1/partners\:search`, Needs: application.Program, Handle: h.searchPartners},
		{Method: http.MethodPost, Path: `/v1/partners\:invite`, Needs: application.Program, Handle: h.invitePartner},
		{Method: http.MethodPost, Path: `/v1/partners\:sign-in-url`, Needs: application.Program, Handle: h.createSignInURL},
		{Method: http.MethodGet, Path: "/v1/partners/:id", Needs: application.Program, Handle: h.getPartner},
		{Method: http.MethodPut, Path: "/v1/partners/:id", Needs: application.Program, Handle: h.updatePartner},
		{Method: http.MethodDelete, Path: "/v1/partners/:id", Needs: application.Program, Handle: h.deletePartner},
		{Method: http.MethodPost, Path: "/v1/partners/:id/archive", Needs: application.Program, Handle: h.archivePartner},
		{Method: http.MethodPost, Path: "/v1/partners/:id/revoke-archive", Needs: application.Program, Handle: h.unarchivePartner},
		{Method: http.MethodPost, Path: "/v1/partners/:id/approve", Needs: application.Program, Handle: h.approvePartner},
		{Method: http.MethodPost, Path: "/v1/partners/:id/reject", Needs: application.Program, Handle: h.rejectPartner},
		{Method: http.MethodGet, Path: "/v1/program/overview", Needs: application.Program, Handle: h.getOverview},
	}
}

func (h Handlers) linkRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/partners/:id/referral_links", Needs: application.Program, Handle: h.listLinksOfPartner},
		{Method: http.MethodGet, Path: "/v1/partner_referral_links", Needs: application.Program, Handle: h.listReferralLinks},
		{Method: http.MethodPost, Path: "/v1/partner_referral_links", Needs: application.Program, Handle: h.createReferralLink},
		{Method: http.MethodGet, Path: `/v1/partner_referral_links\:search`, Needs: application.Program, Handle: h.searchReferralLinks},
		{Method: http.MethodGet, Path: `/v1/partner_referral_links\:domains`, Needs: application.Program, Handle: h.listDomains},
		{Method: http.MethodGet, Path: "/v1/partner_referral_links/:id", Needs: application.Program, Handle: h.getReferralLink},
		{Method: http.MethodPut, Path: "/v1/partner_referral_links/:id", Needs: application.Program, Handle: h.updateReferralLink},
		{Method: http.MethodDelete, Path: "/v1/partner_referral_links/:id", Needs: application.Program, Handle: h.deleteReferralLink},
	}
}

func (h Handlers) customerRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/customers", Needs: application.Program, Handle: h.listCustomers},
		{Method: http.MethodPost, Path: "/v1/customers", Needs: application.Program, Handle: h.createCustomer},
		{Method: http.MethodPut, Path: "/v1/customers", Needs: application.Program, Handle: h.updateNamedCustomer},
		{Method: http.MethodGet, Path: "/v1/customer", Needs: application.Program, Handle: h.findCustomer},
		{Method: http.MethodPost, Path: "/v1/customer", Needs: application.Program, Handle: h.createCustomer},
		{Method: http.MethodPut, Path: "/v1/customer", Needs: application.Program, Handle: h.updateNamedCustomer},
		{Method: http.MethodDelete, Path: "/v1/customer", Needs: application.Program, Handle: h.deleteNamedCustomer},
		{Method: http.MethodGet, Path: `/v1/customers\:search`, Needs: application.Program, Handle: h.searchCustomers},
		{Method: http.MethodGet, Path: "/v1/customers/:key", Needs: application.Program, Handle: h.getCustomer},
		{Method: http.MethodPut, Path: "/v1/customers/:key", Needs: application.Program, Handle: h.updateCustomer},
		{Method: http.MethodDelete, Path: "/v1/customers/:key", Needs: application.Program, Handle: h.deleteCustomer},
		{Method: http.MethodPost, Path: "/v1/customers/:key/archive", Needs: application.Program, Handle: h.archiveCustomer},
		{Method: http.MethodPost, Path: "/v1/customers/:key/revoke-archive", Needs: application.Program, Handle: h.unarchiveCustomer},
	}
}

// leadRoutes are the routes of the lead form and its leads. Convert and reject answer GET too, which changes something:
// Partnero documents them so. HEAD has no route and so changes nothing.
func (h Handlers) leadRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/v1/leads/details", Needs: application.Program, Handle: h.getLeadForm},
		{Method: http.MethodPut, Path: "/v1/leads/details", Needs: application.Program, Handle: h.updateLeadForm},
		{Method: http.MethodGet, Path: "/v1/leads", Needs: application.Program, Handle: h.listFormLeads},
		{Method: http.MethodPost, Path: "/v1/leads", Needs: application.Program, Handle: h.createFormLead},
		{Method: http.MethodGet, Path: "/v1/leads/convert", Needs: application.Program, Handle: h.convertFormLead},
		{Method: http.MethodPost, Path: "/v1/leads/convert", Needs: application.Program, Handle: h.convertFormLead},
		{Method: http.MethodGet, Path: "/v1/leads/reject", Needs: application.Program, Handle: h.rejectFormLead},
		{Method: http.MethodPost, Path: "/v1/leads/reject", Needs: application.Program, Handle: h.rejectFormLead},
		{Method: http.MethodGet, Path: "/v1/leads/:id", Needs: application.Program, Handle: h.getFormLead},
		{Method: http.MethodDelete, Path: "/v1/leads/:id", Needs: application.Program, Handle: h.deleteFormLead},
	}
}

// visitorRoutes are what people open in a browser: referral links, the tracking script and the partners' pages. The router
// has one name for a segment: /r/:key/:link_key is /r/{seller_code}/{key}.
func (h Handlers) visitorRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/r/:key", Needs: application.Visitor, Handle: h.followShort},
		{Method: http.MethodHead, Path: "/r/:key", Needs: application.Visitor, Handle: h.followShort},
		{Method: http.MethodGet, Path: "/r/:key/:link_key", Needs: application.Visitor, Handle: h.followOfSeller},
		{Method: http.MethodHead, Path: "/r/:key/:link_key", Needs: application.Visitor, Handle: h.followOfSeller},
		{Method: http.MethodGet, Path: "/track.js", Needs: application.Visitor, Handle: trackScript},

		{Method: http.MethodGet, Path: "/portal/invitations/:token", Needs: application.Visitor, Handle: inPortal(h.invitationPage)},
		{Method: http.MethodPost, Path: "/portal/invitations/:token", Needs: application.Visitor, Handle: inPortal(h.acceptInvitation)},
		{Method: http.MethodGet, Path: "/portal/sign-in/:token", Needs: application.Visitor, Handle: inPortal(h.signIn)},
		{Method: http.MethodGet, Path: "/portal", Needs: application.Visitor, Handle: inPortal(h.portalPage)},
		{Method: http.MethodPost, Path: "/portal/sign-out", Needs: application.Visitor, Handle: inPortal(h.signOut)},
	}
}
