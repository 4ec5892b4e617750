"""Proofreads a proposed template for one OA: with its place and payment link, and the limits of its channels."""

from __future__ import annotations

from dataclasses import replace

from domain.form_proofreading import form_faults
from domain.kinds import OF_DOSSIERS, PROOF_CODE
from domain.proofreading import FaultWord, TemplateFault, TextLimits, message_faults
from domain.template_source import TemplateSource
from worker.services.bootstrap import Services


def faults_of(services: Services, kind: str, source: TemplateSource) -> list[TemplateFault]:
    """All faults of a proposed template that can be found at once; empty if it may be used. Raises `LetterError`."""
    shipped, sample, limits = services.letters.shipped(kind), services.sample(kind), limits_of(services, kind)
    if limits.segments is not None:
        known = message_faults(kind, shipped, shipped, sample, limits)
        if any(fault.word is FaultWord.SEGMENTS for fault in known):  # the shipped one never goes by SMS either
            limits = replace(limits, segments=None)
    found = message_faults(kind, source, shipped, sample, limits)
    return found + form_faults(kind, source, shipped, sample)


def limits_of(services: Services, kind: str) -> TextLimits:
    """The limits of the channels that this kind may take."""
    known = services.settings
    by_sms = kind in (*OF_DOSSIERS, PROOF_CODE) and "sms" in known.channels_of(kind)
    return TextLimits(segments=known.sms_max_segments if by_sms else None, accents=known.sms_accents)
