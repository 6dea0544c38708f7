/* SPDX-License-Identifier: Apache-2.0
 *
 * Topics (S4-11): small packs of words, each with a weight, counted over the folded
 * text. A topic is present at 500: one telling phrase or several hints. This is a
 * keyword classifier and says no more than that. Data and one pass; no state.
 */
#include "scan_private.h"
#include "stages.h"

/* Words of weight 2 alone tell the topic; those of weight 1 need company. A blank joins
 * two words that must follow each other. */
static const struct {
    const char *name;
    const char *strong;
    const char *weak;
} topics[] = {
    {"medical_advice",
     "diagnosis,prescription,dosage,symptoms,chemotherapy,antibiotics,antidepressant,side effects,"
     "medical advice,blood pressure,overdose,contraindications",
     "doctor,medication,treatment,disease,patient,pain,therapy,illness,drug,dose,clinic,fever"},
    {"legal_advice",
     "lawsuit,legal advice,sue,litigation,plaintiff,defendant,attorney,breach of,statute,"
     "custody,liability claim,court order",
     "lawyer,court,contract,law,legal,judge,rights,appeal,evidence,settlement,divorce"},
    {"financial_advice",
     "investment advice,stock tip,which stocks,portfolio allocation,retirement fund,day trading,"
     "options trading,crypto investment,insider trading,financial advice",
     "stocks,invest,investment,bonds,shares,portfolio,dividend,mortgage,bitcoin,fund,returns,buy"},
    {"weapons",
     "firearm,firearms,explosive,explosives,ammunition,silencer,pipe bomb,assault rifle,"
     "ghost gun,grenade,detonator,molotov,build a bomb,make a bomb,nerve agent",
     "gun,guns,rifle,pistol,weapon,weapons,bomb,bullet,shoot,knife,missile"},
    {"self_harm",
     "suicide,suicidal,kill myself,self harm,end my life,cut myself,hurt myself,want to die",
     "hopeless,worthless,overdose,die,depressed,pills"},
    {"violence",
     "murder,massacre,torture,behead,stab someone,kill someone,assassinate,mass shooting,genocide",
     "kill,attack,fight,blood,beat,hurt,dead,stab,violent,violence"},
    {"sexual_content",
     "porn,pornography,pornographic,erotic,erotica,sexual intercourse,nudes,explicit sex,hentai,"
     "orgasm,masturbate,nsfw",
     "sex,sexual,naked,nude,breasts,seduce,aroused,fetish"},
    {"hate",
     "white supremacy,ethnic cleansing,racial slur,subhuman,master race,neo nazi,hate speech,"
     "gas the,kkk",
     "nazi,racist,inferior,immigrants,race,jews,muslims,blacks,gays,hate,deport"},
    {"illegal_drugs",
     "cocaine,heroin,methamphetamine,meth lab,fentanyl,lsd,mdma,cook meth,drug dealer,"
     "synthesize drugs,crack cocaine",
     "drugs,weed,cannabis,marijuana,dealer,high,dose,opioid,smuggle"},
    {"cybercrime",
     "ransomware,keylogger,phishing kit,sql injection,ddos,botnet,zero day exploit,"
     "credential stuffing,write malware,reverse shell,crack passwords",
     "malware,hack,hacker,exploit,virus,trojan,phishing,payload,backdoor,hacking"},
    {"politics",
     "election,presidential candidate,vote for,republicans,democrats,parliament,political party,"
     "senator,prime minister,referendum,campaign rally",
     "president,vote,party,government,policy,congress,liberal,conservative,politician,minister"},
    {"religion",
     "quran,bible verse,torah,jesus christ,prophet muhammad,holy spirit,theology,blasphemy",
     "god,church,faith,prayer,religion,religious,mosque,temple,priest,islam,christian"},
    {"gambling",
     "casino,sports betting,betting odds,slot machine,roulette,blackjack,poker strategy,bookmaker",
     "bet,betting,odds,jackpot,lottery,gamble,gambling,wager,poker"},
    {"competitors", "competitor pricing,competitor product,switch from,cheaper alternative",
     "competitor,competitors,alternative,rival,versus"},
};

static bool has_phrase(struct str text, struct str phrase);
static unsigned count_of(struct str text, const char *list);

const char *scan_topic_name(size_t index)
{
    return index < sizeof(topics) / sizeof(topics[0]) ? topics[index].name : NULL;
}

enum err scan_topics(const struct scan_engine *engine, struct scan_scratch *scratch,
                     struct str text, unsigned *ret_scores)
{
    (void)engine;
    struct view view = {.text = text};
    memset(ret_scores, 0, SCAN_TOPICS_MAX * sizeof(ret_scores[0]));
    if (!is_ascii(text)) {
        TRY(view_fold(scratch, text, &view));
    }
    /* Lower case, and everything that is no word a single blank. */
    struct buf *plain = &scratch->text2;
    buf_clear(plain);
    buf_add_byte(plain, ' ');
    for (size_t i = 0; i < view.text.len; i++) {
        unsigned char c = (unsigned char)view.text.ptr[i];
        bool is_letter = is_word_byte(c) || c >= 0x80;
        if (is_letter || plain->ptr[plain->len - 1] != ' ') {
            buf_add_byte(plain, !is_letter ? ' ' : c >= 'A' && c <= 'Z' ? (char)(c + 32) : (char)c);
        }
        TRY(plain->err);
    }
    buf_add_byte(plain, ' ');
    TRY(plain->err);
    for (size_t i = 0; scan_topic_name(i) != NULL; i++) {
        unsigned score = 500 * count_of(buf_str(plain), topics[i].strong) +
                         200 * count_of(buf_str(plain), topics[i].weak);
        ret_scores[i] = score > 1000 ? 1000 : score;
    }
    return ERR_OK;
}

static unsigned count_of(struct str text, const char *list)
{
    unsigned count = 0;
    struct str rest = str_from(list);
    while (rest.len > 0) {
        count += has_phrase(text, str_cut(&rest, ','));
    }
    return count;
}

/* The phrase between blanks; a plural s is let through. */
static bool has_phrase(struct str text, struct str phrase)
{
    while (text.len > phrase.len) {
        ptrdiff_t found = str_find_str(text, phrase);
        if (found < 0) {
            return false;
        }
        size_t at = (size_t)found;
        size_t end = at + phrase.len;
        end += end < text.len && text.ptr[end] == 's';
        if (at > 0 && text.ptr[at - 1] == ' ' && (end == text.len || text.ptr[end] == ' ')) {
            return true;
        }
        text = str_sub(text, at + 1, text.len);
    }
    return false;
}
