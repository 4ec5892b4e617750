"""Explains what became of a dossier's notices, also where there is none; for `hcc why` and the console."""

from operators.explain.answer import Explanation, NoticeAnswer, Situation, Verdict
from operators.explain.explainer import Explainer

__all__ = ["Explainer", "Explanation", "NoticeAnswer", "Situation", "Verdict"]
