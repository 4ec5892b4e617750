"""The phrasebook: what the code stores in English or names in a word, said to people in Vietnamese and English."""

from operators.phrasebook.audits import subject_said, why_said
from operators.phrasebook.book import Phrase, Who, phrase
from operators.phrasebook.words import Word, word_of, words

__all__ = ["Phrase", "Who", "Word", "phrase", "subject_said", "why_said", "word_of", "words"]
