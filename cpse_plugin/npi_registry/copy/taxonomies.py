"""Words for the taxonomies that preschool special education meets.

The registry's file has codes alone, and its API answers with these words. The whole code set is the National Uniform
Claim Committee's (https://www.nucc.org); a code that is not here is shown as it is.
"""

_WORDS = {
    "101YM0800X": "Counselor, Mental Health",
    "101YS0200X": "Counselor, School",
    "103K00000X": "Behavior Analyst",
    "103T00000X": "Psychologist",
    "103TC0700X": "Psychologist, Clinical",
    "103TC2200X": "Psychologist, Clinical Child & Adolescent",
    "103TS0200X": "Psychologist, School",
    "104100000X": "Social Worker",
    "1041C0700X": "Social Worker, Clinical",
    "1041S0200X": "Social Worker, School",
    "106S00000X": "Behavior Technician",
    "163W00000X": "Registered Nurse",
    "163WS0200X": "Registered Nurse, School",
    "164W00000X": "Licensed Practical Nurse",
    "171M00000X": "Case Manager/Care Coordinator",
    "174400000X": "Specialist",
    "208000000X": "Pediatrics",
    "222Q00000X": "Developmental Therapist",
    "224Z00000X": "Occupational Therapy Assistant",
    "225100000X": "Physical Therapist",
    "2251P0200X": "Physical Therapist, Pediatrics",
    "225200000X": "Physical Therapy Assistant",
    "225A00000X": "Music Therapist",
    "225X00000X": "Occupational Therapist",
    "225XP0200X": "Occupational Therapist, Pediatrics",
    "231H00000X": "Audiologist",
    "2355S0801X": "Specialist/Technologist, Speech-Language Assistant",
    "235Z00000X": "Speech-Language Pathologist",
    "251300000X": "Local Education Agency (LEA)",
    "251B00000X": "Case Management",
    "251E00000X": "Home Health",
    "251S00000X": "Community/Behavioral Health",
    "252Y00000X": "Early Intervention Provider Agency",
    "261QD1600X": "Clinic/Center, Developmental Disabilities",
    "261QH0700X": "Clinic/Center, Hearing and Speech",
    "261QP2000X": "Clinic/Center, Physical Therapy",
    "261QR0400X": "Clinic/Center, Rehabilitation",
}


def taxonomy_words(code: str) -> str:
    """The words for a taxonomy's code, or the code where there are none."""
    return _WORDS.get(code, code)
