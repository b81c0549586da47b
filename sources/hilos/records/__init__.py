"""Hilos' JSON and its tables, which ActiveCampaign's WhatsApp API shares."""
